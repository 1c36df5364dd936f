import { counted } from "../../base/quantity.ts";
import { resolveTarget } from "../../history/target.ts";
import { describeDifference } from "../../schema/compare/snapshots.ts";
import { HarborError } from "../../base/errors.ts";
import { changesOf } from "../../adopt/rules/bridge_changes.ts";
import { describeLabel } from "../../adopt/rules/labels.ts";
import type { Piece } from "../../engines/beside.ts";
import type { OnTrial } from "../../backup/copy_and_prove.ts";
import type { PaceOptions } from "../../migrate/paced/backfill_walk.ts";
import { withTrial } from "./rehearsal/with_trial.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Adoption } from "../../adopt/prepare.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { flag, type Values } from "../../cli/options.ts";
import type { Around } from "./around.ts";
import type { BudgetGuard, GuardedRun } from "./rehearsal/budget_guard.ts";
import { afterFailure } from "./run_around.ts";
import type { MakeRehearsal } from "./rehearsal/rehearse_on_copy.ts";
import { budgetsOf, isGuarded, refuseBeside, rehearsalOptions } from "./rehearsal/options.ts";
import { createSafetyNet, safetyOptions } from "./safety_net.ts";

const { restoreOnFailure: _, ...backupOptions } = safetyOptions;

export const adoptOptions = {
  dryRun: flag("--dry-run", "say what would be done and change nothing"),
  sql: flag("--sql", "print the SQL that would run, and nothing else"),
  ...backupOptions,
  ...rehearsalOptions,
};

interface Request {
  readonly options: Values<typeof adoptOptions>;
  /** Whether the user said already that it is to be done. */
  readonly isConfirmed: boolean;
  /** What is done around it; nothing unless told. */
  readonly around?: Around;
  /** Where the user wants to go; anywhere unless told. */
  readonly target?: string;
  readonly pace?: PaceOptions;
  /** Whether the application is stopped before it. */
  readonly isStopped?: boolean;
}

/** What came of taking over a database. */
export interface Adopted {
  readonly outcome: Outcome;
  /** Whether nothing is to follow: it was only asked for the plan, or refused. */
  readonly isAll: boolean;
  /** What keeps an upgrade that follows to its budgets, too; `null` where there are none. */
  readonly guard: BudgetGuard | null;
}

/** Takes over a database before an upgrade that the user wants of it; `null` where `adopt` would have nothing to do. */
export async function adoptBefore(
  app: App,
  request: Required<Omit<Request, "isConfirmed">>,
): Promise<Adopted | null> {
  if (!await app.withRun("read", isToAdopt)) return null;
  return await runAdoption(app, { ...request, isConfirmed: true });
}

async function isToAdopt(context: RunContext): Promise<boolean> {
  const { readState } = await import("../../state/read_state.ts");
  const { kind, applied, refusal } = await readState(context);
  // What stopped half way goes on by the upgrade itself.
  if (kind === "empty" || applied.some((row) => row.finishedAt === null)) return false;
  if (refusal !== null) return true;
  const { chooseAdoption } = await import("../../adopt/choose_adoption.ts");
  const { action } = await chooseAdoption(context);
  // The upgrade itself stamps what Alembic names rightly.
  return action === "bridge" || (action === "stamp" && kind !== "alembic");
}

/** Looks at a database, says what it is, asks, and takes it over. */
export async function runAdoption(app: App, request: Request): Promise<Adopted> {
  const { options, isConfirmed, target, around, pace = {}, isStopped = false } = request;
  const net = createSafetyNet(app, { ...options, restoreOnFailure: false }, "there is no way back");
  refuseBeside(options, options);
  const isAsked = !isConfirmed && !app.settings.yes;
  const isOnlyShown = options.dryRun || options.sql || options.rehearse;
  // The proof of a copy that is the file itself, page by page, finds all damage. What a lock could make worse is looked for before.
  const isProven = app.databaseUrl().isFile && !options.noBackup && !isAsked && !isOnlyShown;
  const then = target === undefined ? null : { direction: "upgrade", text: target } as const;
  const rehearsal = import("../../rehearse/of_adoption.ts");
  const make: MakeRehearsal = async (context, parts) =>
    (await rehearsal).adoptionRehearsal(context, { ...parts, then, pace });
  const outcome = await app.withRun("read", async (context): Promise<Outcome | null> => {
    const { prepareAdoption } = await import("../../adopt/prepare.ts");
    const adoption = await prepareAdoption(context, { damage: isProven ? "pages" : "whole" });
    const json = describe(adoption);
    if (options.sql && adoption.refusal === null) {
      const script = await scriptOf(context, adoption);
      app.report.raw(script);
      return { json: { ...json, sql: script } };
    }
    const pieces = await piecesOf(context, adoption);
    print(app, context, { ...adoption, pieces });
    const failure = adoption.refusal ?? refuseTarget(context, adoption, target);
    if (failure !== null) return { json, failure };
    if (options.dryRun || adoption.action === "none") return { json };
    if (options.rehearse) {
      const { runRehearsal } = await import("./rehearsal/run_rehearsal.ts");
      const outcome = await runRehearsal(app, context, { options, budgets: budgetsOf(options), make });
      return { ...outcome, json: { ...json, ...outcome.json } };
    }
    return isConfirmed ? null : await ask(app, adoption, json);
  });
  if (outcome !== null) {
    const isAll = outcome.failure !== undefined || isOnlyShown;
    return { outcome, isAll, guard: null };
  }
  const guard = isGuarded(options)
    ? (await import("./rehearsal/budget_guard.ts")).openBudgetGuard(app, { options, make })
    : null;
  return await app.withRun("write", async (context) => {
    const { adopt } = await import("../../adopt/adopt.ts");
    const beforeChange = async ({ action, phases }: Adoption): Promise<boolean> => {
      const guarded = await guard?.begin(context, isStopped);
      await around?.before("adopt");
      let isTried = guard !== null;
      const tryBridge: OnTrial = async (trial) => {
        context.notify({ kind: "doing", text: "rehearsing the bridge on the copy" });
        const { tryAdoption } = await rehearsal;
        await withTrial(
          app,
          context,
          trial,
          (copy) => tryAdoption(copy, phases === null ? null : trial.hold),
        );
        isTried = true;
      };
      const onTrial = guarded ?? (isTried || action === "stamp" ? undefined : tryBridge);
      const wanted = { reason: "before adopt", onTrial, mayGoUntried: guard === null } as const;
      await net.spreadFor(context, { ...wanted, isQuick: !isProven });
      await guard?.startHere();
      return isTried;
    };
    const work: GuardedRun<Adoption> = async (context, onStep) => {
      const adoption = await adopt(context, {
        lockWaitMs: app.lockWaitMs,
        isWhole: true,
        beforeChange,
        pace,
      });
      onStep();
      return adoption;
    };
    try {
      const adoption = await (guard === null ? work(context, () => {}) : guard.run("adopt", work, context));
      printResult(app, context, adoption);
      // What follows tells of both.
      if (then === null) await guard?.tell();
      await net.fold(context);
      const stamped = adoption.action === "none" ? null : adoption.to;
      const figures = then === null ? guard?.json() : {};
      const json = { ...describe(adoption), stamped, backup: net.summary(), ...figures };
      return { outcome: { json }, isAll: false, guard };
    } catch (error) {
      const isCommitted = error instanceof HarborError && error.details.isCommitted === true;
      const told = isCommitted ? await net.goBack(context, error) : error;
      if (around === undefined) throw told;
      const ending = isCommitted && net.ending() !== "restored" ? "failed" : net.ending();
      throw await afterFailure(around, told, ending);
    }
  });
}

/** A bridge leads to head and nowhere else. */
function refuseTarget(
  { history }: RunContext,
  { action }: Adoption,
  target: string | undefined,
): HarborError | null {
  const isHead = target === undefined || resolveTarget(history, 0, target) === history.revisions.length;
  if (action !== "bridge" || isHead) return null;
  return new HarborError(
    "usage",
    `Cannot adopt at "${target}": its schema is no revision's, and the bridge leads to head`,
    {
      hint: "harbor-db upgrade --adopt",
    },
  );
}

async function ask(app: App, { action, to }: Adoption, json: Outcome["json"]): Promise<Outcome | null> {
  try {
    await app.confirm(
      action === "stamp"
        ? `Stamp this database at ${to ?? "base"}?`
        : `Lead this database to ${to} by the bridge?`,
    );
    return null;
  } catch (error) {
    // What was found is worth having without the consent, too.
    if (error instanceof HarborError) return { json, failure: error };
    throw error;
  }
}

function describe({ inspection, action, to, ...adoption }: Adoption): Outcome["json"] {
  const { match, labels, kept } = inspection;
  return {
    matched: match.revision,
    exact: match.exact,
    differences: match.differences,
    labels: labels.map((label) => ({
      table: label.table,
      rows: label.rows,
      revision: label.revision ?? null,
      true: label.isTrue,
    })),
    disagreement: inspection.disagreement,
    kept,
    action,
    to,
    bridge: changesOf(adoption),
    stamped: null,
    backup: null,
  };
}

async function scriptOf(context: RunContext, adoption: Adoption): Promise<string> {
  if (adoption.action === "none") return "";
  const [{ adoptionBatches }, { renderBatches }] = await Promise.all([
    import("../../adopt/bridge_beside.ts"),
    import("../../engines/render_script.ts"),
  ]);
  return renderBatches(context.database, await adoptionBatches(context, adoption));
}

async function piecesOf(context: RunContext, adoption: Adoption): Promise<readonly Piece[]> {
  if (adoption.action !== "bridge") return [];
  return await (await import("../../adopt/bridge_beside.ts")).bridgePieces(context, adoption);
}

/** What is printed of an adoption. */
interface Printed extends Adoption {
  /** Empty where it is one transaction. */
  readonly pieces: readonly Piece[];
}

function print({ report }: App, { database, history }: RunContext, adoption: Printed): void {
  const { to, drift } = adoption;
  const { match, labels, kept, live } = adoption.inspection;
  const show = (label: string, text: string) =>
    report.line(`${report.colors.bold(label.padEnd(10))} ${text}`);
  const more = (text: string) => report.line(`${" ".repeat(11)}${text}`);
  const named = (id: string | null) =>
    id === null
      ? "base"
      : `${id}  ${history.revisions.find((revision) => revision.id === id)?.name ?? ""}`.trim();
  show("database", database.url);
  show("tables", live.tables.map(({ name }) => name).join(", ") || "none");
  const [first = "none: nothing says at which revision it is", ...others] = labels.map(describeLabel);
  show("label", first);
  others.forEach(more);
  if (adoption.inspection.disagreement !== null) more(adoption.inspection.disagreement);
  if (match.exact) show("schema", `is exactly ${named(match.revision)}`);
  else if (drift !== null && drift.length > 0) {
    show("schema", `is what the scripts up to ${named(to)} leave; its snapshot says otherwise:`);
    drift.map(shortened).forEach(more);
  } else {
    const count = counted(match.differences.length, "difference");
    show("schema", `is no revision's; nearest is ${named(match.revision)}, with ${count}:`);
    match.differences.map(describeDifference).map(shortened).forEach(more);
  }
  if (kept.length > 0) show("kept", kept.join(", "));
  if (adoption.refusal !== null) return;
  show("plan", planOf(adoption, named(to)));
  if (adoption.whyWhole !== null) more(`it holds large tables until it commits: ${adoption.whyWhole}`);
  for (const { beside } of adoption.pieces) {
    if (beside !== null) more(`${beside.table}: ${beside.words}`);
  }
}

/** A default may be a long expression. */
function shortened(text: string): string {
  return text.length > longestLine ? `${text.slice(0, longestLine - 1)}…` : text;
}

const longestLine = 140;

function planOf({ action, pieces, ...adoption }: Printed, to: string): string {
  const count = changesOf(adoption).length;
  switch (action) {
    case "none":
      return `nothing to do: it is ${
        to === "base" ? "empty, and harbor-db upgrade makes it" : `managed, at ${to}`
      }`;
    case "stamp":
      return `stamp it at ${to}${count === 0 ? "" : `, after ${counted(count, "statement")}`}`;
    case "bridge":
      return `a bridge of ${counted(count, "statement")} to ${to}, ${
        pieces.length > 0 || adoption.phases !== null
          ? "beside those who write, piece by piece"
          : "in one transaction"
      } (harbor-db adopt --sql prints it)`;
  }
}

function printResult({ report }: App, { history }: RunContext, { action, to, inspection }: Adoption): void {
  if (action === "none") return report.line("nothing to do");
  const how = action === "bridge" ? "bridged to" : "stamped at";
  report.line(`${report.colors.green("adopted")}    ${how} ${to ?? "base"}`);
  if (action === "bridge" && inspection.kept.length > 0) {
    report.line(`kept       ${inspection.kept.join(", ")}`);
  }
  const isHead = history.revisions.at(-1)?.id === to;
  if (!isHead) report.line(report.remedy("revisions are pending: harbor-db upgrade"));
}
