import type { Column } from "../../../schema/snapshot.ts";
import { isArray } from "../../../sql/postgres_spelling.ts";
import { quoteName } from "../../../sql/quote.ts";

type Typed = Pick<Column, "name" | "type">;

/**
 * Returns a condition that holds for a column where another does for its value, or for one of those in its array or in the list
 * that its text is.
 *
 * @param old What the column is
 * @param column What it becomes
 * @param type What the value is read as, where not as what it is
 */
export function conditionOn(
  { old, column }: { readonly old: Typed; readonly column: Typed },
  condition: (value: string) => string,
  type?: string,
): string {
  const name = quoteName(old.name);
  const [wasArray, isList] = [old, column].map((each) => isArray(each.type));
  if (!isList) return condition(read(name, type));
  const element = `WHERE ${condition("element")})`;
  if (wasArray) {
    const values = read(name, type === undefined ? type : `${type}[]`);
    return `EXISTS (SELECT 1 FROM unnest(${values}) AS element ${element}`;
  }
  // Nothing else than a CASE keeps the cast from texts that are no list. Lists in lists may be of several lengths, which none is.
  return `CASE WHEN ${name} ~ '${plainList}' THEN EXISTS (SELECT 1 FROM unnest(${
    read(name, "text[]")
  }) AS element ${element} WHEN ${name} ~ '${plainLists}' THEN EXISTS (SELECT 1 FROM (SELECT ${bareItem} AS element FROM unnest(\
string_to_array(translate(${name}, '{}', ''), ',')) AS item) AS items ${element} END`;
}

function read(value: string, type: string | undefined): string {
  return type === undefined ? value : `CAST(${value} AS ${type})`;
}

/** What an item of a list without quotes says. */
const bareItem = String
  .raw`CASE WHEN item !~* '^\s*null\s*$' THEN regexp_replace(item, '^\s+|\s+$', '', 'g') END`;

const item = String.raw`([^{}",\\]*[^{}",\\\s][^{}",\\]*|\s*"([^"\\]|\\.)*"\s*)`;

/** What PostgreSQL surely reads as a list of one dimension. Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
const plainList = String.raw`^\s*\{(${item}(,${item})*|\s*)\}\s*$`;

/** Lists in a list, of any depth, of values that need no quotes. */
const plainLists = String.raw`^\s*\{\s*\{[^"\\]*\}\s*\}\s*$`;
