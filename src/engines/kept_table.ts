import * as v from "valibot";
import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { listOf, parseJson, readAs, type WrongJson } from "../base/json_schema.ts";
import type { RowOf } from "../base/row_form.ts";
import type { Direction } from "../history/applied.ts";
import type { Database } from "./database.ts";
import { ownTable } from "./statement_names.ts";
import { readIfThere } from "./version_table.ts";
import { once } from "../base/once_for.ts";

/** The registry of kept data: what steps would have destroyed, and was put aside in side tables. */
export const keptName = "harbor_kept";
const keptTable = ownTable(keptName);

/**
 * What was put aside:
 * - `columns`: the values of columns that were dropped, with the key of their rows.
 * - `table`: all rows of a table that was dropped.
 * - `changed`: the values that columns had before a conversion, and those that they had after it.
 */
export const keptKinds = ["columns", "table", "changed"] as const;

/**
 * How far it has come:
 * - `noting`: its step is under way, and what it has filled so far is noted.
 * - `keeping`: its step is done, and some of it is still in the table that it was in, see {@link keepingName}.
 * - `kept`: it stands aside until its step is undone.
 * - `returning`: its step was undone, and it is being put back.
 * - `left`: it was put back but for what is left of it, which did not fit.
 */
export const keptStates = ["noting", "keeping", "kept", "returning", "left"] as const;

const columnSchema = once(() =>
  v.object({
    name: v.string(),
    /** As the snapshot of its time calls it. */
    type: v.string(),
    /** What the opposite script gives it, as an SQL literal; `null` when that is not known. */
    given: v.nullable(v.string()),
    /** Of a change: what stayed is kept, too, since the opposite script makes others of that; left out: it is not. */
    keepsAll: v.optional(v.boolean()),
  })
);

/** A column whose values are kept. */
export type KeptColumn = v.InferOutput<ReturnType<typeof columnSchema>>;

/** One table's kept data of one step. */
export interface Kept {
  readonly id: number;
  /** The revision whose step would have destroyed it, and the direction of that step. */
  readonly revision: string;
  readonly direction: Direction;
  readonly kind: typeof keptKinds[number];
  /** The table that it was in. */
  readonly table: string;
  /** The table that it is in: `harbor_kept_7`. */
  readonly sideTable: string;
  /** The columns by which its rows are known; empty where the table has no key. */
  readonly keys: readonly string[];
  /** The columns whose values are kept; of a table all. */
  readonly columns: readonly KeptColumn[];
  readonly state: typeof keptStates[number];
  /** The last row of the side table that was looked at while it is put back; 0 before the first. */
  readonly lastRow: number;
  /** Rows that are kept. */
  readonly rows: number;
  /** How much their values take, about. */
  readonly bytes: number;
  /** ISO 8601 UTC. */
  readonly madeAt: string;
}

/** Whether what is in its side table is kept, be it that more comes: a backfill puts it there batch by batch. */
export function isPutAside({ state }: Pick<Kept, "state">): boolean {
  return state !== "noting" && state !== "keeping";
}

/** Whether it is on record how much is kept: not before all of it is put aside. */
export function isCounted({ state, rows }: Pick<Kept, "state" | "rows">): boolean {
  return isPutAside({ state }) && (state !== "kept" || rows > 0);
}

/** The name of the column that numbers the rows of every side table, from 1. */
export const keptRow = "harbor_row";

/** Returns the name of the side table of a number. */
export function sideTableOf(id: number): string {
  return `${keptName}_${id}`;
}

/** Returns the name that a table has from which rows are still being put aside under a number. */
export function keepingName(id: number): string {
  return `harbor_keeping_${id}`;
}

/** Returns the name of the table that says where rows without a key are while they get their values back. */
export function placesName({ sideTable }: Pick<Kept, "sideTable">): string {
  return `${sideTable}_places`;
}

/** The column that has what a conversion made of the value in a column of a place in {@link Kept.columns}. */
export function becameColumn(place: number): string {
  return `harbor_became_${place + 1}`;
}

/** What that column is called in a table that was handed over with {@link becameColumn} beside it, so that nobody who does not know that takes it. */
export function wasColumn(place: number): string {
  return `harbor_was_${place + 1}`;
}

/** Finds those to whom default privileges give every new table. */
const heirsQuery: Readonly<Record<Dialect, () => SQL | null>> = {
  sqlite: () => null,
  postgresql: () =>
    sql`SELECT DISTINCT r.rolname AS name FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a JOIN pg_roles r ON r.oid = a.grantee WHERE d.defaclobjtype = 'r' AND r.rolname <> current_user ORDER BY 1`,
};

const withdraw: Readonly<Record<Dialect, (table: SQL, heirs: readonly string[]) => readonly SQL[]>> = {
  sqlite: () => [],
  postgresql: (table, heirs) => [
    sql`REVOKE ALL ON ${table} FROM ${
      sql.join([sql`PUBLIC`, ...heirs.map((name) => sql.identifier(name))], sql`, `)
    }`,
  ],
};

/** Returns what keeps a new table from those to whom default privileges would give it. */
export async function readWithdrawal(database: Database): Promise<(table: string) => readonly SQL[]> {
  const query = heirsQuery[database.dialect]();
  const heirs = query === null ? [] : await database.read<{ readonly name: string }>(query);
  return (table) => withdraw[database.dialect](ownTable(table), heirs.map(({ name }) => name));
}

/** Returns the statement that makes the registry where there is none. */
export const createKeptTable = (): SQL =>
  sql`CREATE TABLE IF NOT EXISTS ${keptTable} (
  id INTEGER NOT NULL PRIMARY KEY,
  revision TEXT NOT NULL,
  direction VARCHAR(9) NOT NULL,
  kind VARCHAR(7) NOT NULL,
  table_name TEXT NOT NULL,
  key_columns TEXT NOT NULL,
  kept_columns TEXT NOT NULL,
  state VARCHAR(9) NOT NULL,
  last_row BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  byte_count BIGINT NOT NULL,
  made_at VARCHAR(30) NOT NULL
)`;

/** Returns the statement that puts a side table on record. `rows` and `bytes` are expressions. */
export function insertKept(
  kept: Omit<Kept, "rows" | "bytes" | "sideTable">,
  { rows, bytes }: { readonly rows: SQL; readonly bytes: SQL },
): SQL {
  const { id, revision, direction, kind, table, keys, columns, state, lastRow, madeAt } = kept;
  return sql`INSERT INTO ${keptTable} (id, revision, direction, kind, table_name, key_columns, kept_columns, state, last_row, row_count, byte_count, made_at) SELECT ${
    sql.raw(String(id))
  }, ${text(revision)}, ${text(direction)}, ${text(kind)}, ${text(table)}, ${text(JSON.stringify(keys))}, ${
    text(JSON.stringify(columns))
  }, ${text(state)}, ${sql.raw(String(lastRow))}, ${rows}, ${bytes}, ${text(madeAt)}`;
}

/** A parameter that PostgreSQL could otherwise not tell the type of. */
function text(value: string): SQL {
  return sql`CAST(${value} AS TEXT)`;
}

/** Returns the statement that records how far kept data has come. */
export function updateKept({ id, state, lastRow }: Pick<Kept, "id" | "state" | "lastRow">): SQL {
  return sql`UPDATE ${keptTable} SET state = ${state}, last_row = ${lastRow} WHERE id = ${id}`;
}

/** Returns the statements that call the columns of a side table as its table's are called now, and have that on record. */
export function renameKept(
  { id, table, sideTable, keys, columns }: Omit<Kept, "rows" | "bytes">,
  names: readonly (readonly [from: string, to: string])[],
): readonly SQL[] {
  const rename = (from: string, to: string) =>
    sql`ALTER TABLE ${ownTable(sideTable)} RENAME COLUMN ${sql.identifier(from)} TO ${sql.identifier(to)}`;
  // They may have each other's names.
  const between = (place: number) => `harbor_renamed_${place + 1}`;
  return [
    ...names.map(([from], place) => rename(from, between(place))),
    ...names.map(([, to], place) => rename(between(place), to)),
    sql`UPDATE ${keptTable} SET table_name = ${table}, key_columns = ${
      JSON.stringify(keys)
    }, kept_columns = ${JSON.stringify(columns)} WHERE id = ${id}`,
  ];
}

/** Returns the statement that calls the revision of kept data by another id. */
export function nameKeptAnew({ id, revision }: Pick<Kept, "id" | "revision">): SQL {
  return sql`UPDATE ${keptTable} SET revision = ${revision} WHERE id = ${id}`;
}

/** Returns the statement that counts again what is kept. `rows` and `bytes` are expressions. */
export function recountKept(
  { id }: Pick<Kept, "id">,
  { rows, bytes }: { readonly rows: SQL; readonly bytes: SQL },
): SQL {
  return sql`UPDATE ${keptTable} SET row_count = ${rows}, byte_count = ${bytes} WHERE id = ${id}`;
}

/**
 * Returns statements that take rows out of a side table, between what takes as many off its number on record: that is always how
 * many there should be, however a run ends. What somebody else takes out is missed by that.
 *
 * @param range In which rows `k` they are
 */
export function withCount(
  { id, sideTable }: Pick<Kept, "id" | "sideTable">,
  range: SQL,
  taking: readonly SQL[],
): readonly SQL[] {
  const recount = (count: SQL) =>
    sql`UPDATE ${keptTable} AS o SET row_count = (SELECT ${count} FROM ${
      ownTable(sideTable)
    } AS k WHERE ${range}) WHERE id = ${id}`;
  return [
    recount(sql`o.row_count - count(*)`),
    ...taking,
    // What somebody else put in is on no record.
    recount(sql`CASE WHEN o.row_count + count(*) < 0 THEN 0 ELSE o.row_count + count(*) END`),
  ];
}

/** Returns the statement after which what was left of a step's kept data is tried again when the step is undone once more. */
export function retryKept({ revision, direction }: Pick<Kept, "revision" | "direction">): SQL {
  return sql`UPDATE ${keptTable} SET state = 'kept', last_row = 0 WHERE revision = ${revision} AND direction = ${direction} AND state NOT IN ('noting', 'keeping')`;
}

/** Finds the tables that may be ours; a view of another's that is called like one is not. */
const tablesQuery: Readonly<Record<Dialect, () => SQL>> = {
  sqlite: () => sql`SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'harbor_k*'`,
  postgresql: () =>
    sql`SELECT c.relname::text AS name FROM pg_class c WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = '\0') AND c.relkind = 'r' AND c.relname LIKE 'harbor\\_k%'`,
};

/** Finds what has a name with a number that kept data could get. */
const numberedQuery: Readonly<Record<Dialect, () => SQL>> = {
  sqlite: () =>
    sql`SELECT lower(name) AS name FROM sqlite_schema WHERE lower(name) GLOB 'harbor_kept_[0-9]*' OR lower(name) GLOB 'harbor_keeping_[0-9]*'`,
  postgresql: () =>
    sql`SELECT c.relname::text AS name FROM pg_class c WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = '\0') AND c.relname ~ '^harbor_(kept|keeping|ahead)_[0-9]'`,
};

/** Returns the names that begin as those of numbered tables of kept data do, whoever made what has them. */
export async function readNumbered(database: Database): Promise<readonly string[]> {
  return (await database.read<{ readonly name: string }>(numberedQuery[database.dialect]())).map(({ name }) =>
    name
  );
}

/**
 * Forgets kept data and takes away its side tables; the registry, too, when it has nothing else. What is called like a side
 * table and is none stays.
 */
export async function forgetKept(
  database: Database,
  forgotten: readonly Pick<Kept, "id" | "sideTable" | "state">[],
): Promise<void> {
  if (forgotten.length === 0) return;
  const ids = new Set(forgotten.map(({ id }) => id));
  const isLast = (await readKept(database)).every(({ id }) => ids.has(id));
  const tables = await database.read<{ readonly name: string }>(tablesQuery[database.dialect]());
  const ours = forgotten.flatMap(({ id, sideTable, state }) => [
    sideTable,
    placesName({ sideTable }),
    ...state === "keeping" ? [keepingName(id)] : [],
  ]).filter((table) => tables.some(({ name }) => name === table));
  await database.write([
    ...ours.map((name) => sql`DROP TABLE IF EXISTS ${ownTable(name)}`),
    ...isLast
      ? [sql`DROP TABLE IF EXISTS ${keptTable}`]
      : forgotten.map(({ id }) => sql`DELETE FROM ${keptTable} WHERE id = ${id}`),
  ]);
}

/**
 * Reads what is kept, the oldest first; empty when nothing is.
 *
 * @throws {HarborError} `not_a_database` when the registry holds something else
 */
export async function readKept(database: Database): Promise<readonly Kept[]> {
  const rows = await readIfThere(database, {
    table: keptName,
    form: keptForm,
    query: sql`SELECT * FROM ${keptTable} ORDER BY id`,
  });
  return (rows ?? []).map(keptOf);
}

function keptOf(row: RowOf<typeof keptForm>): Kept {
  const read = <Item extends v.GenericSchema>(column: "key_columns" | "kept_columns", item: Item) => {
    const wrong: WrongJson = (_, state) =>
      new HarborError("not_a_database", `Cannot read "${keptName}": its column "${column}" ${state}`, {
        hint:
          `Something else than harbor-db wrote there. Look at it: SELECT * FROM ${keptName}; or restore a backup: harbor-db backup list`,
        details: { table: keptName, column },
      });
    return readAs(listOf(item), parseJson(row[column], wrong), wrong);
  };
  return {
    id: row.id,
    revision: row.revision,
    direction: row.direction,
    kind: row.kind,
    table: row.table_name,
    sideTable: sideTableOf(row.id),
    keys: read("key_columns", v.string()),
    columns: read("kept_columns", columnSchema()),
    state: row.state,
    lastRow: Number(row.last_row),
    rows: Number(row.row_count),
    bytes: Number(row.byte_count),
    madeAt: row.made_at,
  };
}

const keptForm = {
  id: "integer",
  revision: "text",
  direction: ["upgrade", "downgrade"],
  kind: keptKinds,
  table_name: "text",
  key_columns: "text",
  kept_columns: "text",
  state: keptStates,
  last_row: "count",
  row_count: "count",
  byte_count: "count",
  made_at: "text",
} as const;
