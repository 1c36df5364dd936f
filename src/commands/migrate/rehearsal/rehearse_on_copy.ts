import type { BackupTiming } from "../../../backup/copy_and_prove.ts";
import type { Trial } from "../../../engines/backup/engine.ts";
import type { Database, LockHolder } from "../../../engines/database.ts";
import type { RunContext } from "../../../engines/run_context.ts";
import type { Finding } from "../../../base/finding.ts";
import type { QuerySource } from "../../../rehearse/query_plans.ts";
import { type PlannedRehearsal, type Rehearsal, rehearse } from "../../../rehearse/rehearse.ts";
import { hostReferences } from "../../../rehearse/rules/host_references.ts";
import type { Forecast } from "../../../rehearse/rules/forecast.ts";
import { backupCheck } from "../../../verify/checks/backup.ts";
import { historyCheck } from "../../../verify/checks/history.ts";
import { allChecks } from "../../../verify/checks/all.ts";
import { projectRulesPath } from "../../../verify/rules/project_rules.ts";
import { verify } from "../../../verify/verify.ts";
import type { App } from "../../../cli/app.ts";
import { openAppBackups } from "../../backup/options.ts";
import { withTrial } from "./with_trial.ts";

/** Returns what is rehearsed, for the context of the copy. */
export type MakeRehearsal = (
  context: RunContext,
  parts: Pick<Rehearsal, "check" | "copyMs" | "hold" | "queries">,
) => Promise<PlannedRehearsal>;

/** Rehearses on a proven copy, and says what the database itself can expect. */
export async function rehearseOnCopy(
  app: App,
  context: RunContext,
  { trial, timing, make, queries, atWork }: {
    readonly trial: Trial;
    readonly timing: BackupTiming;
    readonly make: MakeRehearsal;
    readonly queries: QuerySource | null;
    /** Another harbor-db, which changes the database. */
    readonly atWork?: LockHolder | undefined;
  },
): Promise<Forecast> {
  return await withTrial(app, context, trial, async (onCopy) => {
    const rehearsal = await make(onCopy, {
      check: () => checkResult(app, onCopy),
      hold: trial.hold,
      queries,
      copyMs: timing.copyMs + timing.proofMs,
    });
    await trial.standIn?.(hostReferences(rehearsal.revisions, await onCopy.database.introspect()));
    const forecast = await rehearse(onCopy, {
      ...rehearsal,
      ...anewOn(trial, (work) => withTrial(app, context, trial, work)),
      remarks: () => [...atWork === undefined ? [] : [movingText(atWork)], unpaced, ...trial.remarks],
    });
    // It is known only when the copy is gone.
    const remarks = [...forecast.remarks];
    trial.onLeft?.((sentence) => remarks.push(sentence));
    return { ...forecast, remarks };
  });
}

function anewOn(
  { settle }: Pick<Trial, "settle">,
  connect: NonNullable<Rehearsal["anew"]>,
): Pick<Rehearsal, "anew"> {
  if (settle === undefined) return {};
  return {
    anew: async (work) => {
      await settle();
      return await connect(work);
    },
  };
}

/**
 * A copy has no backups, and stands at another revision on purpose. Of its integrity what is quick: the copy itself was checked
 * whole, and an index that was made since has as many entries as its table has rows.
 */
const checks = allChecks.filter((check) => check !== backupCheck && check !== historyCheck);

/** A check of a copy keeps nobody waiting. */
const longestMs = 24 * 3_600_000;

async function checkResult(app: App, context: RunContext): Promise<readonly Finding[]> {
  const { database, history, version, signal, now, notify } = context;
  const borrowed: Database = { ...database, close: () => Promise.resolve() };
  const { findings } = await verify({
    version,
    signal,
    now,
    notify,
    backups: {
      store: await openAppBackups(app, { backupDir: undefined }),
      maxAgeMs: Infinity,
      isDrill: false,
      copies: null,
    },
    readHistory: () => Promise.resolve(history),
    readRules: () => app.readBeside(projectRulesPath),
    openDatabase: () => Promise.resolve(borrowed),
  }, { checks, quick: true, maxDurationMs: longestMs, withFacts: false });
  return findings;
}

const unpaced =
  "Times are those of a copy that was just written, on this machine and with nobody else at work: expect up to half as much again, which the ± of a lock counts in, and more where others use the disk.";

function movingText({ owner }: LockHolder): string {
  return `When this began, ${owner} was at work on the database: the forecast is of what was left to do when it was copied.`;
}
