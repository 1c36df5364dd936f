import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { ownTable } from "../engines/statement_names.ts";
import { deleteApplied, insertApplied, readAppliedRow, updateProgress } from "../engines/version_table.ts";
import type { Step } from "./rules/plan.ts";

const table = "harbor_version";

/** Reads what is called by itself when the version table changes, and could keep a row out of it, or in it, without an error. */
const listeners: Readonly<Record<Dialect, (schema: string | undefined) => SQL>> = {
  sqlite: () =>
    sql`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = ${table} ORDER BY name`,
  postgresql: (schema) =>
    sql`SELECT hung.name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT tgname::text FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
      UNION ALL SELECT rulename::text FROM pg_rewrite WHERE ev_class = c.oid) AS hung (name)
    WHERE n.nspname = ${schema} AND c.relname = ${table} ORDER BY hung.name`,
};

/**
 * Makes sure before a step that it can go on record. Where nothing hangs on the version table, that is one look; else the record is
 * written and taken back.
 *
 * @throws {HarborError} `schema_mismatch`, with nothing changed
 */
export async function requireRecordable(context: RunContext, step: Step): Promise<void> {
  const { database } = context;
  const found = await database.read<{ readonly name: string }>(listeners[database.dialect](database.schema));
  if (found.length === 0) return;
  const names = found.map(({ name }) => name).join(", ");
  const batch = recordOf(context, step);
  try {
    await database.rehearse(batch, "rows");
  } catch (error) {
    if (!(error instanceof HarborError) || error.details.index === undefined) throw error;
    const isQuiet = error.details.index === batch.length - 1;
    throw new HarborError("schema_mismatch", `Cannot ${step.direction} "${step.revision.id}"`, {
      state: `what hangs on ${table} keeps its record from being written (${names})${
        isQuiet ? "" : `: ${error.message}`
      }`,
      hint:
        "Nothing was changed. Drop it, or let it leave the rows of that table alone, and run the same command again.",
      details: { table, names: found.map(({ name }) => name) },
      cause: error,
    });
  }
}

/** Returns what puts a step on record, and a statement that fails where it is not. */
function recordOf(
  { version, now }: RunContext,
  { revision: { id, name, checksum }, direction, resume }: Step,
): readonly SQL[] {
  const startedAt = now().toISOString();
  const row = {
    revision: id,
    name,
    checksum,
    direction,
    statementsDone: 0,
    startedAt,
    finishedAt: null,
    ms: null,
  };
  const version_ = ownTable(table);
  const there = sql`SELECT 1 FROM ${version_} WHERE revision = ${id}`;
  const isOff = direction === "upgrade"
    ? sql`NOT EXISTS (${there} AND finished_at IS NOT NULL)`
    : sql`EXISTS (${there})`;
  return [
    ...direction === "downgrade" ? deleteApplied(id) : [
      ...resume === null ? [insertApplied({ ...row, appliedBy: version, origin: "run" })] : [],
      updateProgress({ ...row, finishedAt: startedAt }),
    ],
    // No backfill is of a revision called NULL: the table refuses it.
    sql`INSERT INTO ${ownTable("harbor_backfill")} (revision) SELECT NULL WHERE ${isOff}`,
  ];
}

/**
 * Makes sure that a step is on record: what hangs on the version table may go by what is written.
 *
 * @throws {HarborError} `statement_failed`
 */
export async function requireRecorded(
  { database }: RunContext,
  { revision, direction }: Step,
): Promise<void> {
  const row = await readAppliedRow(database, revision.id);
  const isDone = direction === "upgrade" ? (row?.finishedAt ?? null) !== null : row === undefined;
  if (isDone) return;
  throw new HarborError(
    "statement_failed",
    "its script ran, and harbor_version does not say so: something keeps the record from being written",
    {
      hint:
        `Look for a trigger on harbor_version and drop it. What the script did stands; this records it: harbor-db stamp ${
          (direction === "upgrade" ? revision.id : revision.parent) ?? "base"
        }`,
      details: { table },
    },
  );
}
