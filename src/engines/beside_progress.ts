import type { Dialect } from "../base/dialect.ts";
import { type SQL, sql } from "drizzle-orm";
import type { RowOf } from "../base/row_form.ts";
import type { Database } from "./database.ts";
import { ownTable } from "./statement_names.ts";
import { keepingName, keptName, readKept } from "./kept_table.ts";
import { isOwnTrigger } from "../sql/own/triggers.ts";
import { readIfThere } from "./version_table.ts";

/** A row of `harbor_beside`: a change of a large table beside its writers, and how far it has come. */
export const besideForm = {
  id: "integer",
  /** What is made, for people: `index a`. */
  name: "text",
  /** The table that others write to. */
  table: "text",
  /** The statement that it stands for. */
  statement: "text",
  /**
   * `fill`: rows are copied for the first time. `follow`: only changed rows are, or where nothing is copied, noted. `empty`: nothing is left to do but to take
   * the copy away. `keeping`: the change is done, and what goes with it is still being put aside. `left`: no row tells of it, it is but triggers.
   * `noted`: not even these, but what it filled is noted.
   */
  phase: ["fill", "follow", "empty", "keeping", "left", "noted"],
  /** The last row id that was copied, or in `follow`, of a copy in a SQLite file, compared; `null` before the first. */
  lastRow: "text?",
  /** The row id up to which rows are copied for the first time: what comes behind it is noted. */
  endRow: "text?",
  /** Stands for the schema on which it was begun; "" where nothing is copied, which no later run goes on with. */
  seen: "text",
} as const;

/** See {@link besideForm}. */
export type BesideProgress = RowOf<typeof besideForm>;

const besideName = "harbor_beside";
const besideTable = ownTable(besideName);
const fields =
  'SELECT id, name, table_name AS "table", statement, phase, last_row AS "lastRow", end_row AS "endRow", seen FROM';

/** Reads {@link BesideProgress}, the oldest first, where a schema is not asked for. */
export const besideQuery = `${fields} harbor_beside ORDER BY id`;
const progressQuery = () => sql`${sql.raw(fields)} ${besideTable} ORDER BY id`;

/** Finds what may be of such changes by its name, and the table that it belongs to. */
const leftQueries: Readonly<Record<Dialect, () => SQL>> = {
  sqlite: () =>
    sql.raw(
      "SELECT type, name, tbl_name AS \"table\", sql FROM sqlite_schema WHERE (name GLOB 'harbor_beside*' OR name GLOB 'harbor_keeping_*' OR name = 'harbor_kept') AND type IN ('table', 'trigger') ORDER BY name",
    ),
  postgresql: () =>
    sql`SELECT 'table' AS type, relname::text AS name, relname::text AS "table", NULL::text AS sql FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = '\0') AND relkind = 'r' AND relname = ${besideName}`,
};

const leftForm = { type: ["table", "trigger"], name: "text", table: "text", sql: "text?" } as const;

const isKeeping = /^harbor_keeping_[0-9]{1,9}$/;

const ofDefinition = "change of the definition";

/** The number of a change in the name of a trigger that it made. */
const ofChange = /^harbor_beside_(\d+)/;

/** Returns the changes beside writers that are under way, or were interrupted: also those that leave nothing but triggers. */
export async function readBeside(database: Database): Promise<readonly BesideProgress[]> {
  const query = leftQueries[database.dialect]();
  const left = await readIfThere(database, { table: "sqlite_schema", form: leftForm, query }) ?? [];
  if (left.length === 0) return [];
  const known = left.some(({ name }) => name === besideName)
    ? await readIfThere(database, { table: besideName, form: besideForm, query: progressQuery() }) ?? []
    : [];
  const numbers = new Set(known.map(({ id }) => id));
  const kept = left.some(({ name }) => name === keptName) ? await readKept(database) : [];
  const keeping = kept.filter(({ state }) => state === "keeping").map(({ id }) => keepingName(id));
  // A table that is on no record is somebody's, whatever it is called.
  const others = left.filter((each) =>
    each.type === "trigger"
      ? isOwnTrigger(each) && !numbers.has(Number(ofChange.exec(each.name)?.[1] ?? 0))
      : keeping.includes(each.name)
  );
  const noted = kept.filter(({ state }) => state === "noting").map(({ table }) => table);
  const tables = new Set(others.map(({ table }) => table));
  const plain = { id: 0, statement: "", lastRow: null, endRow: null, seen: "" };
  const rows = [...tables].map((table): BesideProgress => {
    if (isKeeping.test(table)) return { ...plain, name: "what goes", table, phase: "keeping" };
    return { ...plain, name: ofDefinition, table, phase: "left" };
  });
  const bare = new Set(noted.filter((table) => !tables.has(table)));
  return [
    ...known,
    ...rows,
    ...[...bare].map((table): BesideProgress => ({ ...plain, name: ofDefinition, table, phase: "noted" })),
  ];
}

/** Returns the statements that put a change on record where there may be no such record yet. */
export function insertBeside(
  { id, name, table, statement, phase, lastRow, endRow, seen }: BesideProgress,
  withdraw: (table: string) => readonly SQL[],
): readonly SQL[] {
  return [
    sql`CREATE TABLE IF NOT EXISTS ${besideTable} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, table_name TEXT NOT NULL, statement TEXT NOT NULL, phase TEXT NOT NULL, last_row TEXT, end_row TEXT, seen TEXT NOT NULL)`,
    ...withdraw(besideName),
    sql`INSERT INTO ${besideTable} (id, name, table_name, statement, phase, last_row, end_row, seen) VALUES (${id}, ${name}, ${table}, ${statement}, ${phase}, ${lastRow}, ${endRow}, ${seen})`,
  ];
}

/** Returns the statement that records how far a change has come, where a condition holds. */
export function updateBeside(
  { id, phase, lastRow }: Pick<BesideProgress, "id" | "phase" | "lastRow">,
  condition: SQL = sql`TRUE`,
): SQL {
  return sql`UPDATE ${besideTable} SET phase = ${phase}, last_row = ${lastRow} WHERE id = ${id} AND ${condition}`;
}

/** Returns the statement that takes a change off the record; off which the last is taken is gone. */
export function forgetBeside(id: number, known: readonly Pick<BesideProgress, "id">[]): SQL {
  return known.every((each) => each.id === id)
    ? sql`DROP TABLE IF EXISTS ${besideTable}`
    : sql`DELETE FROM ${besideTable} WHERE id = ${id}`;
}

/** Says for people what is under way. */
export function besideWords({ name, table, phase, lastRow, endRow, seen }: BesideProgress): string {
  switch (phase) {
    case "fill":
      return `${name} of ${table}: copied up to row ${lastRow ?? "-"} of ${endRow ?? "-"}`;
    case "follow":
      return `${name} of ${table}: ${
        seen === "" ? "what others write there is noted" : "being compared with the table"
      }`;
    case "keeping":
      return `${name} is being put aside out of ${table}`;
    case "left":
      return `${name} of ${table}: its triggers stand`;
    case "noted":
      return `${name} of ${table}: which NULLs it has filled is noted`;
    default:
      return `${name} of ${table}: what it was made with is being taken away`;
  }
}
