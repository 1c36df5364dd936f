import { conversion, labelsOf } from "../../change/enums.ts";
import { applyRenames, tablesByName } from "../../change/renames.ts";
import type { SchemaChange } from "../../change/stages.ts";
import { postgresCast, staysInFamily } from "../../types/postgres_cast.ts";
import { draft, type DraftStatement } from "../draft_statement.ts";
import { guardOf, replacementOf } from "./interim_names.ts";
import { addedKey, isKey, serverKey } from "./keys.ts";
import type { Placed } from "./phases.ts";

/** What the place of a statement depends on beside its text. */
export interface Setting {
  readonly change: SchemaChange;
  /** Statements that take away what references go on holding to by another constraint. */
  readonly held: ReadonlySet<string>;
  /** Tables that may have rows. */
  readonly existing: ReadonlySet<string>;
  /** Indexes that are made anew under their name. */
  readonly replaced: ReadonlySet<string>;
  /** Tables that get something unique. */
  readonly keyed: ReadonlySet<string | undefined>;
  /** Tables that get a primary key. */
  readonly rekeyed: ReadonlySet<string>;
}

/** Returns what does the same as a statement without holding a table for longer than a moment, each part with its phase. */
export function place(
  sql: string,
  { change, held, existing, keyed, replaced, rekeyed }: Setting,
): readonly Placed[] {
  const [, index, on] = /^CREATE (?:UNIQUE )?INDEX "([^"]+)" ON "([^"]+)"/.exec(sql) ?? [];
  if (index !== undefined && on !== undefined) {
    if (!existing.has(on)) return [["change", draft(sql)]];
    return replaced.has(index) ? indexReplaced(index, sql) : [["index", concurrently(sql)]];
  }
  const [, dropped] = /^DROP INDEX "([^"]+)";$/.exec(sql) ?? [];
  if (dropped !== undefined && replaced.has(dropped)) return [];
  if (/^DROP TYPE /.test(sql)) return [["drop type", draft(sql)]];
  if (/^DROP SEQUENCE "/.test(sql)) return [["drop sequence", draft(sql)]];
  if (/^DROP TABLE |^ALTER TABLE "[^"]+" DROP COLUMN /.test(sql)) {
    return [["drop", draft(sql)]];
  }
  const [, table, action = ""] = /^ALTER TABLE "([^"]+)" (.*)$/s.exec(sql) ?? [];
  if (table === undefined || !existing.has(table)) return [["change", draft(sql)]];
  if (held.has(sql)) return [["settle", draft(sql)]];
  const [, , key = serverKey(table, change), keyColumns] = addedKey.exec(sql) ?? [];
  if (keyColumns !== undefined) return keyLater(table, key, { columns: keyColumns, change });
  if (rekeyed.has(table) && isKey(/^DROP CONSTRAINT "([^"]+)";$/.exec(action)?.[1], table, change)) {
    return [["settle", draft(sql)]];
  }
  if (rekeyed.has(table) && action.endsWith(" DROP NOT NULL;")) return [["drop", draft(sql)]];
  const [, constraint, kind] = /^ADD CONSTRAINT "([^"]+)" (FOREIGN KEY|CHECK|UNIQUE)/.exec(action) ?? [];
  if (constraint !== undefined && kind === "UNIQUE") return uniqueLater(table, constraint, action);
  if (constraint !== undefined) {
    const [, referred] = /^ADD CONSTRAINT "[^"]+" FOREIGN KEY .*? REFERENCES "([^"]+)"/s.exec(action) ?? [];
    const isEarly = referred === undefined || !existing.has(referred) || !keyed.has(referred);
    const placed = validLater(table, constraint, sql);
    return isEarly ? placed : placed.map(([, statement]): Placed => ["refer", statement]);
  }
  const [, column] = /^ALTER COLUMN "([^"]+)" SET NOT NULL;$/.exec(action) ?? [];
  if (column !== undefined) return notNullLater(table, column);
  const converted = withConversion(sql, change);
  return [["change", draft(converted, ...remarksOn(table, action, change))]];
}

function remarksOn(table: string, action: string, { fills }: SchemaChange): readonly string[] {
  const [, column] = /^ADD COLUMN "([^"]+)" .* DEFAULT /s.exec(action) ?? [];
  if (column === undefined) return [];
  const isLent = fills.some((fill) => fill.table === table && fill.column === column);
  const remark = `The default of ${table}.${column} fills the rows that exist without touching them`;
  return [isLent ? `${remark}; it is taken back below.` : `${remark}.`];
}

export function valueAdded(sql: string): DraftStatement {
  const [, type] = /^ALTER TYPE "([^"]+)"/.exec(sql)!;
  return draft(sql, `What follows can use a new value of ${type} once it is committed.`, "harbor:alone");
}

function concurrently(sql: string): DraftStatement {
  const [, index] = /INDEX "([^"]+)"/.exec(sql)!;
  return draft(sql, `${index} is built while the application goes on writing.`, "harbor:concurrently");
}

/** The old one serves until the new one is there. */
function indexReplaced(index: string, sql: string): readonly Placed[] {
  const made = replacementOf(index);
  return [
    ["index", concurrently(sql.replace(`"${index}"`, () => `"${made}"`))],
    ["settle", draft(`DROP INDEX "${index}";`)],
    ["settle", draft(`ALTER INDEX "${made}" RENAME TO "${index}";`)],
  ];
}

/** New rows are held to it in the transaction in which it goes and comes. */
export function referAgain(sql: string): readonly Placed[] {
  const [, table = "", constraint = ""] = /^ALTER TABLE "([^"]+)" ADD CONSTRAINT "([^"]+)"/.exec(sql)!;
  const remark = `${constraint} goes on by another constraint, and holds all the while.`;
  return [
    ["settle", draft(sql.replace(/;$/, " NOT VALID;"), remark)],
    ["refer", draft(`ALTER TABLE "${table}" VALIDATE CONSTRAINT "${constraint}";`, "harbor:alone")],
  ];
}

/** Existing rows are looked at outside the transaction that holds the table. */
function validLater(table: string, constraint: string, sql: string): readonly Placed[] {
  return [
    [
      "change",
      draft(
        sql.replace(/;$/, " NOT VALID;"),
        `${constraint} holds for new rows at once; those that exist are looked at below, while others write.`,
      ),
    ],
    ["validate", draft(`ALTER TABLE "${table}" VALIDATE CONSTRAINT "${constraint}";`, "harbor:alone")],
  ];
}

function uniqueLater(table: string, constraint: string, action: string): readonly Placed[] {
  const [, nulls = "", columns] = /UNIQUE( NULLS NOT DISTINCT)?\s*(\(.*\));$/s.exec(action) ?? [];
  return [
    [
      "index",
      draft(`CREATE UNIQUE INDEX "${constraint}" ON "${table}" ${columns}${nulls};`, "harbor:concurrently"),
    ],
    [
      "settle",
      draft(`ALTER TABLE "${table}" ADD CONSTRAINT "${constraint}" UNIQUE USING INDEX "${constraint}";`),
    ],
  ];
}

/** The index is built beside those who write; the old key serves until the new one is there. */
function keyLater(
  table: string,
  key: string,
  { columns, change }: { readonly columns: string; readonly change: SchemaChange },
): readonly Placed[] {
  const index = isKey(key, table, change) ? replacementOf(key) : key;
  return [
    ["index", concurrently(`CREATE UNIQUE INDEX "${index}" ON "${table}" (${columns});`)],
    ["settle", draft(`ALTER TABLE "${table}" ADD CONSTRAINT "${key}" PRIMARY KEY USING INDEX "${index}";`)],
  ];
}

/** A check that is known to hold spares SET NOT NULL the reading (PostgreSQL 12 and later). */
function notNullLater(table: string, column: string): readonly Placed[] {
  const guard = guardOf(table, column);
  const alter = `ALTER TABLE "${table}"`;
  return [
    [
      "guard",
      draft(
        `${alter} ADD CONSTRAINT "${guard}" CHECK ("${column}" IS NOT NULL) NOT VALID;`,
        `So that SET NOT NULL on ${table}.${column} below does not read the whole table.`,
      ),
    ],
    ["validate", draft(`${alter} VALIDATE CONSTRAINT "${guard}";`, "harbor:alone")],
    ["settle", draft(`${alter} ALTER COLUMN "${column}" SET NOT NULL;`)],
    ["settle", draft(`${alter} DROP CONSTRAINT "${guard}";`)],
  ];
}

/** In one transaction nothing has to be eased in: what looks at rows comes after what fills them. */
export function placeAtomic(sql: string, change: SchemaChange): Placed {
  const looksAtRows =
    /^CREATE (?:UNIQUE )?INDEX |^ALTER TABLE "[^"]+" (?:ADD (?:CONSTRAINT|PRIMARY) |ALTER COLUMN "[^"]+" SET NOT NULL;)/;
  if (/^DROP TYPE /.test(sql)) return ["drop type", draft(sql)];
  if (/^DROP SEQUENCE "/.test(sql)) return ["drop sequence", draft(sql)];
  const takesAway = /^DROP TABLE |^ALTER TABLE "[^"]+" DROP COLUMN /;
  const phase = looksAtRows.test(sql) ? "settle" : takesAway.test(sql) ? "drop" : "change";
  return [phase, draft(withConversion(sql, change))];
}

function withConversion(sql: string, { from, to, renames }: SchemaChange): string {
  const [, table, column, type, using] =
    /^ALTER TABLE "([^"]+)" ALTER COLUMN "([^"]+)" SET DATA TYPE ([^;]+?)(?: USING (.*))?;$/s
      .exec(sql) ?? [];
  if (table === undefined || column === undefined || type === undefined) return sql;
  const before = tablesByName(applyRenames(from, renames)).get(table)?.columns[column];
  const after = tablesByName(to).get(table)?.columns[column];
  const isSameFamily = before !== undefined && staysInFamily(before.type, type);
  const plain = `"${column}"::${type}`;
  const isSaid = using !== undefined && using !== plain;
  // One that nothing leads to is only written where a hand is to mend it.
  const cast = before === undefined || after === undefined
    ? plain
    : postgresCast(before, after, { type, labels: labelsOf({ from, to }, before, after) }) ?? plain;
  const value = isSaid ? using : cast;
  return isSameFamily ? sql : conversion({ table, column, type, value, before, after });
}
