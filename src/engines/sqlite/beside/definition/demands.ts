import { quoteName, quoteText } from "../../../../sql/quote.ts";
import { guardName } from "../../../../sql/own/triggers.ts";
import type { FillNotes } from "../../../beside.ts";
import { rowidOf } from "../form/source_table.ts";
import type { IndexForm, TableForm } from "../form/table.ts";
import { dangling, type NewReference } from "./references.ts";

/** What a new definition demands of each row, and the old one does not. */
export interface Demand {
  /** True of a row that breaks it: an expression over the columns, and `harbor_row`, its row id. */
  readonly broken: string;
  /** What SQLite itself would say. */
  readonly message: string;
  /** The statement of the script, by its place in it, that would fail. */
  readonly statement: number;
  /** Finds a row that breaks it among all of them, far quicker than one by one; `null` where that is no quicker. */
  readonly whole: string | null;
  /** The foreign key that demands it: such a demand nobody has to meet before it stands. `null` for any other. */
  readonly reference: NewReference | null;
}

/** A column whose NULL becomes another value. */
export interface Fill {
  readonly column: string;
  /** An expression over the table's columns. */
  readonly value: string;
}

/** Returns what the rows have to be for one definition and not for the other. */
export function demandsOf(
  before: TableForm,
  after: TableForm,
  { references, placeOf }: {
    readonly references: readonly NewReference[];
    readonly placeOf: (index: string) => number;
  },
): readonly Demand[] {
  const { name } = after;
  const old = new Map(before.columns.map((column) => [column.name, column]));
  const notNull = after.columns.filter((column) => column.isNotNull && !old.get(column.name)!.isNotNull);
  const known = new Set(before.checks.map(({ expression }) => expression));
  const checks = after.checks.filter(({ expression }) => !known.has(expression));
  const unique = after.indexes.filter((index) =>
    index.isUnique && before.indexes.some((each) => each.name === index.name && !each.isUnique)
  );
  return [
    ...notNull.map((column): Demand => ({
      broken: `${quoteName(column.name)} IS NULL`,
      message: `NOT NULL constraint failed: ${name}.${column.name}`,
      statement: 1,
      whole: null,
      reference: null,
    })),
    ...checks.map((check): Demand => ({
      broken: `NOT (${check.expression}\n)`,
      message: `CHECK constraint failed: ${check.name ?? check.expression}`,
      statement: 1,
      whole: null,
      reference: null,
    })),
    ...unique.map((index): Demand => ({
      broken: duplicated(after, index),
      message: `UNIQUE constraint failed: ${index.parts.map((part) => `${name}.${part.name}`).join(", ")}`,
      statement: placeOf(index.name),
      whole: duplicates(after, index),
      reference: null,
    })),
    ...references.map((reference): Demand => ({
      broken: dangling(after, reference),
      message: "FOREIGN KEY constraint failed",
      statement: 1,
      whole: null,
      reference,
    })),
  ];
}

/** Whether another row has the same key. The index finds it. */
function duplicated(table: TableForm, { parts, where }: IndexForm): string {
  const rowid = rowidOf(table);
  const keys = parts.map(({ expression }, place) => `(${expression}) AS k${place}`).join(", ");
  const rows = (more: string) => {
    const conditions = [...where === null ? [] : [`(${where}\n)`], ...more === "" ? [] : [more]];
    return `(SELECT ${rowid} AS r, ${keys} FROM ${quoteName(table.name)}${
      conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`
    })`;
  };
  const same = parts.map(({ collation }, place) =>
    `o.k${place} = n.k${place} COLLATE ${quoteName(collation)}`
  );
  return `EXISTS (SELECT 1 FROM ${rows(`${rowid} = harbor_row`)} AS n CROSS JOIN ${rows("")} AS o WHERE ${
    same.join(" AND ")
  } AND o.r <> n.r)`;
}

/** Reads an index from its one end to the other, in which like keys lie beside each other. NULL is like no other. */
function duplicates({ name }: TableForm, { parts, where }: IndexForm): string {
  const keys = parts.map(({ expression }, place) => `(${expression}) AS k${place}`).join(", ");
  const rows = `(SELECT ${keys} FROM ${quoteName(name)}${where === null ? "" : ` WHERE (${where}\n)`})`;
  const known = parts.map((_, place) => `k${place} IS NOT NULL`).join(" AND ");
  const alike = parts.map(({ collation }, place) => `k${place} COLLATE ${quoteName(collation)}`).join(", ");
  return `SELECT 1 FROM ${rows} WHERE ${known} GROUP BY ${alike} HAVING count(*) > 1 LIMIT 1`;
}

/** Returns a query for the place of a demand that one of some rows breaks; `rows` is a condition on their row ids. */
export function brokenQuery(table: TableForm, demands: readonly Demand[], rows: string): string {
  const cases = demands.map(({ broken }, place) => `WHEN ${broken} THEN ${place}`).join(" ");
  return `SELECT demand FROM (SELECT CASE ${cases} END AS demand FROM ${
    eachRow(table, rows)
  }) WHERE demand IS NOT NULL LIMIT 1`;
}

/** The rows of a table beside their row ids under a name that means the same in every subquery. */
export function eachRow(table: TableForm, rows: string): string {
  const [name, rowid] = [quoteName(table.name), rowidOf(table)];
  return `(SELECT ${rowid} AS harbor_row FROM ${name} WHERE ${rows}) AS harbor_rows CROSS JOIN ${name} ON ${name}.${rowid} = harbor_row`;
}

/** A trigger of ours. */
export interface Guard {
  readonly name: string;
  readonly sql: string;
}

/**
 * Returns the triggers that let no row be written any more which breaks a demand but for a foreign key's, fill what is to be filled, and note that. They fire
 * behind the change, so that they see the row as it is stored. One always stands, so that to drop it tells every connection
 * that the schema is another.
 */
export function guardsOf(
  table: TableForm,
  { demands, fills, notes = [] }: {
    readonly demands: readonly Demand[];
    readonly fills: readonly Fill[];
    readonly notes?: readonly FillNotes[];
  },
): readonly Guard[] {
  const [name, rowid] = [quoteName(table.name), rowidOf(table)];
  const isFilled = ({ column, value }: Fill) =>
    `${rowid} = NEW.${rowid} AND ${quoteName(column)} IS NULL AND (${value}) IS NOT NULL`;
  const filling = fills.flatMap((fill) => [
    ...notes.filter(({ column }) => column === fill.column).map((note) =>
      notingOf(name, note, { value: fill.value, isFilled: isFilled(fill) })
    ),
    `UPDATE ${name} SET ${quoteName(fill.column)} = ${fill.value} WHERE ${isFilled(fill)};`,
  ]);
  const refusing = demands.filter(({ reference }) => reference === null).map(({ broken, message }) =>
    `SELECT RAISE(ABORT, ${quoteText(message)}) FROM ${
      eachRow(table, `${rowid} = NEW.${rowid}`)
    } WHERE ${broken};`
  );
  const body = [...filling, ...refusing];
  return (["insert", "update"] as const).map((event) => {
    const trigger = guardName(event, table.name);
    const sql = `CREATE TRIGGER ${quoteName(trigger)} AFTER ${event.toUpperCase()} ON ${name} BEGIN\n${
      (body.length === 0 ? ["SELECT 1;"] : body).join("\n")
    }\nEND`;
    return { name: trigger, sql };
  });
}

/** Returns what notes a row of a table whose NULL is about to be filled. */
function notingOf(
  name: string,
  { table, copied, became }: FillNotes,
  { value, isFilled }: { readonly value: string; readonly isFilled: string },
): string {
  const names = copied.map(quoteName).join(", ");
  return `INSERT INTO ${table} (${names}, ${became}) SELECT ${names}, ${value} FROM ${name} WHERE ${isFilled};`;
}
