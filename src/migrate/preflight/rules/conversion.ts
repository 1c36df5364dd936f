import type { Column } from "../../../schema/snapshot.ts";
import { elementType, isArray } from "../../../sql/postgres_spelling.ts";
import { quoteName } from "../../../sql/quote.ts";

/** What takes whatever is written; lengths are looked at apart. */
const text = /^(?:text|character|citext)\b/;

/** Of what is read by what it says, as blanks that fill it up say nothing. */
const written = /^(?:character\b|json$)/;

const wholes = ["smallint", "integer", "bigint"];

/**
 * Returns how PostgreSQL turns a column of one type into another, where some value of the one may be none of the other; `null`
 * where all are, or each value that an enum type has is looked for by itself.
 */
export function conversion(column: Column, old: Column): string | null {
  const [from, to] = [elementType(old.type), elementType(column.type)];
  const isTaken = isArray(column.type) && !isArray(old.type);
  const isWider = wholes.includes(from) && wholes.indexOf(from) <= wholes.indexOf(to);
  if ((from === to || text.test(to) || isWider || column.values !== undefined) && !isTaken) return null;
  const name = quoteName(column.name);
  const isRead = old.values !== undefined || written.test(from);
  const read = isRead ? `CAST(${name} AS text${isArray(old.type) ? "[]" : ""})` : name;
  return `CAST(${read} AS ${column.values === undefined ? column.type : "text[]"})`;
}
