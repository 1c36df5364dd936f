import { type Applied, isOf } from "../history/applied.ts";
import { type SQL, sql } from "drizzle-orm";
import { recordDrift } from "../engines/taken_over.ts";
import { createIdentity } from "../engines/backup/identity.ts";
import { createLedger, deleteLedger } from "../engines/ledger.ts";
import {
  createVersionTables,
  deleteApplied,
  insertApplied,
  renameApplied,
  setAlembicVersion,
} from "../engines/version_table.ts";
import { userStatement } from "../engines/statement_names.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { Adoption } from "./prepare.ts";
import { recordApplied } from "../state/keep_ledger.ts";
import { recordOf } from "../state/read_unmanaged.ts";

/** Returns the one batch that takes a database over. */
export function adoptionBatch(context: RunContext, adoption: Adoption): readonly SQL[] {
  const statements = adoption.statements.map((statement) => userStatement(sql.raw(statement.sql)));
  const [tables, record] = [managingTables(context, adoption), adoptionRecord(context, adoption)];
  return [...tables, ...statements, ...record];
}

/** Returns what makes harbor-db's own tables. */
export function managingTables({ database }: RunContext, { inspection }: Adoption): readonly SQL[] {
  return [...createVersionTables(), ...inspection.applied === null ? createIdentity(database.dialect) : []];
}

/** Returns what says that a database is taken over. */
export function adoptionRecord(
  context: RunContext,
  { inspection, action, to, drift }: Adoption,
): readonly SQL[] {
  const { database, history, version, now } = context;
  const startedAt = now().toISOString();
  const origin = action === "bridge" ? "bridge" : "adopt";
  const hasAlembic = inspection.labels.some(({ by }) => by === "alembic");
  const reached = history.revisions.slice(
    0,
    history.revisions.findIndex((revision) => revision.id === to) + 1,
  );
  // Rows of scripts that did run stay: once the schema is the revision's again, the way back from there is too.
  const { applied } = inspection;
  const isRight = (row: Applied) => reached.some((each) => each.id === row.revision && isOf(row, each));
  const right = (applied ?? []).filter(isRight);
  const stale = (applied ?? []).filter((row) => !isRight(row));
  const added = reached.filter(({ id }) => !right.some((row) => row.revision === id))
    .map((revision) => recordOf(revision, { startedAt, appliedBy: version, origin }));
  return [
    ...stale.flatMap((row) => deleteApplied(row.recordedAs ?? row.revision)),
    ...renameApplied(right),
    ...recordDrift(drift ?? [], startedAt),
    ...insertApplied(added),
    ...createLedger(database.dialect),
    ...stale.map(({ revision }) => deleteLedger(revision)),
    ...recordApplied(context, [...right, ...added]),
    ...hasAlembic ? setAlembicVersion(to) : [],
  ];
}
