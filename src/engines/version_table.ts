import { alembicForm, type Applied, underPresentIds } from "../history/applied.ts";
import { type SQL, sql } from "drizzle-orm";
import { compareTexts } from "../base/compare_texts.ts";
import { HarborError } from "../base/errors.ts";
import { type RowForm, type RowOf, rowsOfForm } from "../base/row_form.ts";
import type { Database } from "./database.ts";
import type { RunContext } from "./run_context.ts";
import { inPieces } from "./in_pieces.ts";
import { ownTable } from "./statement_names.ts";

/**
 * The two tables in which harbor-db keeps its own state, and the one of Alembic that it keeps in step. Statements are
 * returned, not run, so that they commit in the same batch as what they record. Times are ISO 8601 text in UTC and
 * keys are text, so that one spelling serves every engine.
 */
const versionTable = ownTable("harbor_version");
const backfillTable = ownTable("harbor_backfill");
const alembicTable = ownTable("alembic_version");

/** Returns the statements that make the tables where they do not exist. */
export const createVersionTables = (): readonly SQL[] => [
  sql`CREATE TABLE IF NOT EXISTS ${versionTable} (
  revision TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  direction VARCHAR(9) NOT NULL,
  statements_done INTEGER NOT NULL,
  started_at VARCHAR(30) NOT NULL,
  finished_at VARCHAR(30),
  ms INTEGER,
  applied_by VARCHAR(40) NOT NULL,
  origin VARCHAR(10) NOT NULL
)`,
  sql`CREATE TABLE IF NOT EXISTS ${backfillTable} (
  revision TEXT NOT NULL,
  statement INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  last_key TEXT,
  end_key TEXT,
  row_count BIGINT NOT NULL,
  batches INTEGER NOT NULL,
  longest_batch_ms INTEGER NOT NULL,
  started_at VARCHAR(30) NOT NULL,
  finished_at VARCHAR(30),
  PRIMARY KEY (revision, statement)
)`,
];

/** Reads the version table; `null` when there is none. Rows are in no particular order. */
export async function readApplied(database: Database): Promise<readonly Applied[] | null> {
  return await readRows(database, sql`SELECT * FROM ${versionTable}`);
}

/** Reads the row of one revision alone; `undefined` when there is none. */
export async function readAppliedRow(database: Database, revision: string): Promise<Applied | undefined> {
  return (await readRows(database, sql`SELECT * FROM ${versionTable} WHERE revision = ${revision}`))?.[0];
}

async function readRows(database: Database, query: SQL): Promise<readonly Applied[] | null> {
  const rows = await readIfThere(database, { table: "harbor_version", form: versionForm, query });
  return rows && rows.map((row) => ({
    revision: row.revision,
    name: row.name,
    checksum: row.checksum,
    direction: row.direction,
    statementsDone: row.statements_done,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    ms: row.ms,
    appliedBy: row.applied_by,
    origin: row.origin as Applied["origin"],
  }));
}

/** Reads the version table as {@link readApplied} does, under the ids that the revisions of a history have now. */
export async function readAppliedIn(
  { database, history }: Pick<RunContext, "database" | "history">,
): Promise<readonly Applied[] | null> {
  const rows = await readApplied(database);
  return rows && underPresentIds(history, rows);
}

/** Returns the statements that add rows. Their key makes a second writer's batch fail. */
export function insertApplied(rows: readonly Applied[]): readonly SQL[] {
  return inPieces(rows).map((piece) => {
    const values = piece.map((row) => {
      const { revision, name, checksum, direction, statementsDone } = row;
      const { startedAt, finishedAt, ms, appliedBy, origin } = row;
      return sql`(${revision}, ${name}, ${checksum}, ${direction}, ${statementsDone}, ${startedAt}, ${finishedAt}, ${ms}, ${appliedBy}, ${origin})`;
    });
    return sql`INSERT INTO ${versionTable} (revision, name, checksum, direction, statements_done, started_at, finished_at, ms, applied_by, origin) VALUES ${
      sql.join(values, sql`, `)
    }`;
  });
}

/** Returns the statements that give rows the ids that their revisions have now. */
export function renameApplied(applied: readonly Applied[]): readonly SQL[] {
  return applied.flatMap(({ revision, recordedAs }) =>
    recordedAs === undefined
      ? []
      : [versionTable, backfillTable].map((table) =>
        sql`UPDATE ${table} SET revision = ${revision} WHERE revision = ${recordedAs}`
      )
  );
}

/**
 * Returns the statement that records how far a script has come. `finishedAt` is `null` while it is under way; `startedAt` is
 * given where it has just begun.
 */
export function updateProgress(
  row:
    & Pick<Applied, "revision" | "direction" | "statementsDone" | "finishedAt" | "ms">
    & Partial<Pick<Applied, "startedAt">>,
): SQL {
  const { revision, direction, statementsDone, startedAt, finishedAt, ms } = row;
  const begun = startedAt === undefined ? sql`` : sql`started_at = ${startedAt}, `;
  return sql`UPDATE ${versionTable} SET direction = ${direction}, statements_done = ${statementsDone}, ${begun}finished_at = ${finishedAt}, ms = ${ms} WHERE revision = ${revision}`;
}

/** Returns the statement that records how long revisions took, in milliseconds. */
export function updateDurations(
  results: readonly { readonly revision: string; readonly ms: number }[],
): SQL {
  const cases = sql.join(results.map(({ revision, ms }) => sql`WHEN ${revision} THEN ${ms}`), sql` `);
  const revisions = sql.join(results.map(({ revision }) => sql`${revision}`), sql`, `);
  return sql`UPDATE ${versionTable} SET ms = CAST(CASE revision ${cases} END AS INTEGER) WHERE revision IN (${revisions})`;
}

/** Returns the statements that forget a revision and its backfills. */
export function deleteApplied(revision: string): readonly SQL[] {
  return [
    sql`DELETE FROM ${versionTable} WHERE revision = ${revision}`,
    sql`DELETE FROM ${backfillTable} WHERE revision = ${revision}`,
  ];
}

/** How far a backfill has come. Keys are kept as text; `null` stands for before the first one, or an empty table. */
export interface BackfillState {
  readonly revision: string;
  /** Its place in the script, from 0. */
  readonly statement: number;
  readonly table: string;
  /** The last key of the last committed batch. */
  readonly lastKey: string | null;
  /** The key at which it ends, fixed when it starts. */
  readonly endKey: string | null;
  /** Rows changed. */
  readonly rows: number;
  readonly batches: number;
  readonly longestBatchMs: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

/** Reads all backfills on record; empty when there is no such table. */
export async function readBackfills(database: Database): Promise<readonly BackfillState[]> {
  const rows = await readIfThere(database, {
    table: "harbor_backfill",
    form: backfillForm,
    query: sql`SELECT * FROM ${backfillTable}`,
  });
  const states = (rows ?? []).map((row) => ({
    revision: row.revision,
    statement: row.statement,
    table: row.table_name,
    lastKey: row.last_key,
    endKey: row.end_key,
    rows: Number(row.row_count),
    batches: row.batches,
    longestBatchMs: row.longest_batch_ms,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }));
  return states.toSorted((a, b) => compareTexts(a.startedAt, b.startedAt));
}

/** Returns the statements that put a backfill on record anew. */
export function insertBackfill(state: BackfillState): readonly SQL[] {
  const { revision, statement, table, lastKey, endKey } = state;
  const { rows, batches, longestBatchMs, startedAt, finishedAt } = state;
  return [
    sql`DELETE FROM ${backfillTable} WHERE revision = ${revision} AND statement = ${statement}`,
    sql`INSERT INTO ${backfillTable} (revision, statement, table_name, last_key, end_key, row_count, batches, longest_batch_ms, started_at, finished_at) VALUES (${revision}, ${statement}, ${table}, ${lastKey}, ${endKey}, ${rows}, ${batches}, ${longestBatchMs}, ${startedAt}, ${finishedAt})`,
  ];
}

/** Returns the statement that saves a backfill's progress. */
export function updateBackfill(state: BackfillState): SQL {
  const { revision, statement, lastKey, endKey, rows, batches, longestBatchMs, finishedAt } = state;
  return sql`UPDATE ${backfillTable} SET last_key = ${lastKey}, end_key = ${endKey}, row_count = ${rows}, batches = ${batches}, longest_batch_ms = ${longestBatchMs}, finished_at = ${finishedAt} WHERE revision = ${revision} AND statement = ${statement}`;
}

/** Reads what Alembic's own version table says; `null` when there is none. */
export async function readAlembicVersions(database: Database): Promise<readonly string[] | null> {
  const rows = await readIfThere(database, {
    table: "alembic_version",
    form: { version_num: "text" },
    query: sql`SELECT version_num FROM ${alembicTable}`,
  });
  return rows && rows.map((row) => row.version_num);
}

/**
 * Returns the statements that make Alembic's version table say the same as ours, so that an old `migrate.py` neither
 * runs a revision twice nor, for an id that it does not know, runs at all. `null` stands for base.
 */
export function setAlembicVersion(revision: string | null): readonly SQL[] {
  const clear = sql`DELETE FROM ${alembicTable}`;
  return revision === null
    ? [clear]
    : [clear, sql`INSERT INTO ${alembicTable} (version_num) VALUES (${alembicForm(revision)})`];
}

const versionForm = {
  revision: "text",
  name: "text",
  checksum: "text",
  direction: ["upgrade", "downgrade"],
  statements_done: "integer",
  started_at: "text",
  finished_at: "text?",
  ms: "number?",
  applied_by: "text",
  origin: "text",
} as const;

const backfillForm = {
  revision: "text",
  statement: "integer",
  table_name: "text",
  last_key: "text?",
  end_key: "text?",
  row_count: "count",
  batches: "integer",
  longest_batch_ms: "number",
  started_at: "text",
  finished_at: "text?",
} as const;

interface Question<Form extends RowForm> {
  readonly table: string;
  readonly form: Form;
  readonly query: SQL;
}

/** Reads rows of a table; `null` when there is none. */
export async function readIfThere<const Form extends RowForm>(
  database: Database,
  { table, form, query }: Question<Form>,
): Promise<RowOf<Form>[] | null> {
  try {
    return rowsOfForm(table, form, await database.read(query));
  } catch (error) {
    if (error instanceof HarborError && error.code === "missing_table") return null;
    throw error;
  }
}
