import type { SQL } from "drizzle-orm";
import { createIdentity, readIdentity } from "../../engines/backup/identity.ts";
import { HarborError } from "../../base/errors.ts";
import { createLedger } from "../../engines/ledger.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Applied } from "../../history/applied.ts";
import { createVersionTables, insertApplied } from "../../engines/version_table.ts";
import { isLedgerKept, keepLedger, recordApplied } from "../../state/keep_ledger.ts";
import { nameAnew } from "../../state/name_anew.ts";
import { readState } from "../../state/read_state.ts";
import type { State } from "../../state/state.ts";

/** Returns what makes a database managed: the tables, and on one that Alembic made the revisions that it has. */
export function startingBatch(context: RunContext, applied: readonly Applied[]): readonly SQL[] {
  const { dialect } = context.database;
  return [
    ...createVersionTables(),
    ...createIdentity(dialect),
    ...createLedger(dialect),
    ...insertApplied(applied),
    ...recordApplied(context, applied),
  ];
}

/** Gives a database its identity that an earlier release took over; one that may not make tables goes without. */
export async function identify({ database, notify }: RunContext, { kind }: State): Promise<void> {
  if (kind !== "managed" || (await readIdentity(database)).id !== null) return;
  try {
    await database.write(createIdentity(database.dialect));
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "read_only") throw error;
    notify({ kind: "note", text: `the database is known by its address only: ${error.message}` });
  }
}

/**
 * Gives a database what an earlier release did not where there is nothing else to do: its identity and its ledger. It can
 * wait for the next time: what it failed for stops nobody here.
 */
export async function tidyAlone(context: RunContext, { kind, applied }: State): Promise<void> {
  const { database } = context;
  if (kind !== "managed") return;
  try {
    const isKnown = (await readIdentity(database)).id !== null;
    const isNamed = applied.every(({ recordedAs }) => recordedAs === undefined);
    if (isKnown && isNamed && await isLedgerKept(context, applied)) return;
    await database.withLock(async () => {
      const state = await readState(context);
      if (state.kind !== "managed" || state.refusal !== null) return;
      await identify(context, state);
      await nameAnew(context, state.applied);
      await keepLedger(context, state.applied);
    });
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
  }
}
