import type { Proven } from "../../engines/backup/content.ts";
import { counted, formatBytes } from "../../base/quantity.ts";
import { HarborError, isStop, messageOf } from "../../base/errors.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import type { OnTrial } from "../../backup/copy_and_prove.ts";
import type { BackupRequest, MadeBackup } from "../../backup/make.ts";
import type { PruneResult } from "../../backup/prune.ts";
import { readIdentity } from "../../engines/backup/identity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import type { App } from "../../cli/app.ts";
import {
  backupOptions,
  keepOptions,
  openAppBackups,
  openDelivery,
  retentionPolicy,
} from "../backup/options.ts";
import { deliver } from "../backup/deliver.ts";
import { printBackup } from "../backup/output.ts";
import { flag, type Values } from "../../cli/options.ts";
import type { Ending } from "./around.ts";

/** What `upgrade` and `downgrade` do about backups. */
export const safetyOptions = {
  noBackup: flag("--no-backup", "change the database without a backup"),
  ...backupOptions,
  ...keepOptions,
  restoreOnFailure: flag("--restore-on-failure", "restore the backup when something fails half way"),
};

/** The backup before a change, and the way back. */
export interface SafetyNet {
  /**
   * Makes the backup; called under the lock, before the first statement.
   * @param onTrial Tries something on the proven copy, also where no backup is wanted; what it throws ends the change
   */
  spread(context: RunContext, plan: PreparedPlan, onTrial?: OnTrial): Promise<void>;
  /** The same for a change that is no plan of steps. What may go untried is tried where a backup is made. */
  spreadFor(context: RunContext, request: Omit<BackupRequest, "mayReuse">): Promise<void>;
  /** Restores the backup and says so in the error; without a backup, says that there is none. */
  goBack(context: RunContext, error: HarborError): Promise<HarborError>;
  /** Says how the database is after {@link catch}. */
  ending(): Ending;
  /** The command that goes back, in words; none without a backup. */
  wayBack(): readonly string[];
  /** Prunes after a change that succeeded. */
  fold(context: RunContext): Promise<void>;
  /** Returns an error that says what is done, what is not, how to go on and how to go back; or goes back itself. */
  catch(context: RunContext, error: unknown): Promise<unknown>;
  /** What `--json` shows of the backup. */
  summary():
    | (Pick<Proven, "notRestored" | "notCompared" | "notFollowed"> & {
      readonly path: string;
      readonly verified: boolean;
    })
    | null;
}

type SafetyValues = Values<typeof safetyOptions>;

/**
 * Reads the options before anything is begun.
 *
 * @param bareWords What holds where no backup is wanted
 * @throws {HarborError} `usage` for options that exclude each other
 */
export function createSafetyNet(app: App, options: SafetyValues, bareWords: string): SafetyNet {
  const { report } = app;
  const policy = retentionPolicy(options);
  let plan: PreparedPlan | undefined;
  let made: MadeBackup | undefined;
  let ending: Ending = "unchanged";
  refuseUnlessPossible(options);

  async function spread(context: RunContext, prepared: PreparedPlan, onTrial?: OnTrial): Promise<void> {
    plan = prepared;
    await spreadFor(context, { reason: `before ${plan.steps[0]!.direction}`, onTrial });
  }

  async function spreadFor(context: RunContext, request: Omit<BackupRequest, "mayReuse">): Promise<void> {
    const { onTrial, mayGoUntried = false } = request;
    if (options.noBackup) report.note(`--no-backup: nothing is backed up, ${bareWords}`);
    if (options.noBackup && (onTrial === undefined || mayGoUntried)) return;
    const { isEmptyDatabase } = await import("../../backup/position.ts");
    if (await isEmptyDatabase(context)) return;
    if (options.noBackup) return await (await openAppBackups(app, options)).tryOnCopy(context, onTrial!);
    // Keys that are missing are said before anything is made.
    await openDelivery(app, options);
    try {
      // A database that changes between attempts that all fail would otherwise fill the disk with backups.
      await prune(context, true);
      const backups = await openAppBackups(app, options);
      made = await backups.make(context, { ...request, mayReuse: true });
      printBackup(app, made);
    } catch (error) {
      throw withoutBackup(error, onTrial !== undefined && !mayGoUntried);
    }
    // What is to be elsewhere before a change is not there: the change waits.
    const failure = await deliver(app, options, made);
    if (failure !== null) {
      const without = options.copyTo === undefined
        ? []
        : ["To go on with the one on this machine alone: --copy-to none"];
      throw failure.with({ hint: [...failure.hintLines, "Nothing was changed.", ...without] });
    }
  }

  async function fold(context: RunContext): Promise<void> {
    if (made === undefined) return;
    await prune(context, false);
    const bucket = await openDelivery(app, options);
    if (bucket !== null) await prune(context, false, options.copyTo);
  }

  /**
   * Applies the rules. What stands in the way of that is no reason to call the change failed, or not to make it.
   *
   * @param from Where the backups are, when it is not the folder in which they are made
   */
  async function prune({ database }: RunContext, automaticOnly: boolean, from?: string): Promise<void> {
    try {
      const backups = await openAppBackups(app, { ...options, from });
      const identity = await readIdentity(database);
      const consent = () => Promise.resolve(true);
      const path = made && (from === undefined ? made.path : `${backups.place.name}/${made.manifest.file}`);
      const request = { identity, made: path, policy, force: false, consent, automaticOnly };
      tellRemoved(await backups.prune(request), from);
    } catch (error) {
      const where = from === undefined ? "" : ` in ${from}`;
      report.note(`no old backups were removed${where}: ${messageOf(error)}`);
    }
  }

  function tellRemoved({ verdicts }: PruneResult, from: string | undefined): void {
    const removed = verdicts.filter(({ keep }) => !keep);
    if (removed.length === 0) return;
    const bytes = removed.reduce((sum, { backup }) => sum + backup.manifest.bytes, 0);
    report.note(report.remedy(
      `removed ${counted(removed.length, "old backup")} (${
        formatBytes(bytes)
      }): harbor-db backup prune --dry-run${
        from === undefined ? "" : ` --from ${quoteForShell(from)}`
      } says why`,
    ));
  }

  async function explain(context: RunContext, error: unknown): Promise<unknown> {
    if (plan === undefined || !(error instanceof HarborError)) return error;
    const { progressLines, readProgress } = await import("../../migrate/read_progress.ts");
    const progress = await readProgress(context, plan.steps).catch(() => null);
    if (progress === null || progress.done.length > 0 || progress.half !== null) ending = "failed";
    const again = `harbor-db ${plan.steps[0]!.direction} ${plan.to ?? "base"}`;
    if (progress === null) {
      const unread = "What is committed could not be read. Look again with: harbor-db status";
      return error.with({ hint: [...error.hintLines, unread, ...wayBack()] });
    }
    if (progress.done.length === 0 && progress.half === null) return error;
    const message = [...error.lines, ...progressLines(progress)];
    const facts = {
      done: progress.done.map(({ revision }) => revision.id),
      half: progress.half &&
        { revision: progress.half.step.revision.id, statementsDone: progress.half.statementsDone },
      left: progress.left.map(({ revision }) => revision.id),
    };
    if (options.restoreOnFailure && made !== undefined && !isStop(error)) {
      return await goBack(context, error.with({ message, details: { progress: facts } }));
    }
    // What stopped on request says how to go on as well.
    const remedies = isStop(error) ? [] : error.hintLines;
    return error.with({
      message,
      hint: [...remedies, `To go on from there: ${again}`, ...wayBack()],
      details: { progress: facts, backup: made?.path ?? null },
    });
  }

  /** Restores the backup and says so in the error, or why it could not. */
  async function goBack(context: RunContext, error: HarborError): Promise<HarborError> {
    const backup = made;
    const said = (what: string) => [...error.lines, what];
    if (backup === undefined) {
      return error.with({ message: said("NOT restored: there is no backup"), hint: null });
    }
    try {
      const backups = await openAppBackups(app, options);
      const { lockWaitMs } = app;
      const { safetyBackup } = await backups.restore(context, { backup, keepsOld: true, lockWaitMs });
      ending = "restored";
      const { readPosition } = await import("../../backup/position.ts");
      // It is restored, whether or not that can be read now.
      const { revision } = await app.withRun("read", readPosition).catch(() => backup.manifest);
      return error.with({
        message: [
          ...said(`restored: the database is at ${revision ?? "no revision"} again`),
          ...safetyBackup === null ? [] : [`what was there is kept in ${safetyBackup}`],
        ],
        hint: null,
        details: { restored: { path: backup.path, revision, safetyBackup } },
      });
    } catch (problem) {
      return error.with({
        message: said(`NOT restored: ${messageOf(problem)}`),
        hint: wayBack(),
        details: { restored: null },
      });
    }
  }

  function wayBack(): readonly string[] {
    if (made === undefined) return [];
    const key = made.manifest.encryption === null ? "" : " --identity <file>";
    return [`To go back: harbor-db restore ${quoteForShell(made.path)}${key}`];
  }

  return {
    spread,
    spreadFor,
    ending: () => ending,
    wayBack,
    goBack,
    fold,
    catch: explain,
    summary: () =>
      made === undefined ? null : {
        path: made.path,
        verified: true,
        notRestored: made.manifest.notRestored,
        notCompared: made.manifest.notCompared,
        notFollowed: made.manifest.notFollowed,
      },
  };
}

function refuseUnlessPossible({ restoreOnFailure, noBackup, encryptTo }: SafetyValues): void {
  if (!restoreOnFailure) return;
  const other = noBackup ? "--no-backup" : encryptTo.length > 0 ? "--encrypt-to" : null;
  if (other === null) return;
  throw new HarborError(
    "usage",
    `Cannot use --restore-on-failure with ${other}: there would be nothing it could restore`,
    { hint: "Leave one of the two out." },
  );
}

/**
 * Says that the change was not made, and why.
 *
 * @param isTried Whether it is to be rehearsed in any case
 */
function withoutBackup(error: unknown, isTried: boolean): unknown {
  const isOwnWord = (code: string) =>
    ["interrupted", "bad_config", "lock_lost", "rehearsal_failed", "over_budget"].includes(code);
  if (!(error instanceof HarborError) || isOwnWord(error.code)) return error;
  return error.with({
    code: "backup_failed",
    message: `Cannot change the database without a backup: ${error.message}`,
    hint: [...error.hintLines, `To change it without one: --no-backup${isTried ? untried : ""}`],
    details: { code: error.code },
  });
}

const untried =
  ", and none of --max-lock, --max-time, --max-disk and --queries: a rehearsal takes a copy as well";
