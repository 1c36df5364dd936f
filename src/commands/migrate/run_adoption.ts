import { counted } from "../../base/quantity.ts";
import { resolveTarget } from "../../history/target.ts";
import { describeDifference } from "../../schema/compare_snapshots.ts";
import { HarborError } from "../../base/errors.ts";
import { describeLabel } from "../../adopt/rules/labels.ts";
import type { AdoptOptions } from "../../adopt/adopt.ts";
import type { Piece } from "../../engines/beside.ts";
import { withTrial } from "./with_trial.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Adoption } from "../../adopt/prepare.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { flag, type Values } from "../../cli/options.ts";
import type { Around } from "./around.ts";
import { afterFailure } from "./run_around.ts";
import type { MakeRehearsal } from "./rehearse_on_copy.ts";
import { budgetsOf, isGuarded, refuseBeside, rehearsalOptions } from "./rehearsal_options.ts";
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
}

/** What came before an upgrade. */
export interface Adopted {
  readonly outcome: Outcome;
  /** Whether nothing is to follow: it was only asked for the plan, or refused. */
  readonly isAll: boolean;
}

/** Takes over a database before an upgrade that the user wants of it; `null` where `adopt` would have nothing to do. */
export async function adoptBefore(
  app: App,
  { target, options, around }: Required<Omit<Request, "isConfirmed">>,
): Promise<Adopted | null> {
  if (!await app.withRun("read", isToAdopt)) return null;
  const outcome = await runAdoption(app, { options, isConfirmed: true, target, around });
  return {
    outcome,
    isAll: outcome.failure !== undefined || options.dryRun || options.sql || options.rehearse,
  };
}

async function isToAdopt(context: RunContext): Promise<boolean> {
  const { readState } = await import("../../state/read_state.ts");
  const { kind, applied, refusal } = await readState(context);
  // What stopped half way goes on by the upgrade itself.
  if (kind === "empty" || applied.some((row) => row.finishedAt === null)) return false;
  if (refusal !== null) return true;
  const { chooseAdoption } = await import("../../adopt/prepare.ts");
  const { action } = await chooseAdoption(context);
  // The upgrade itself stamps what Alembic names rightly.
  return action === "bridge" || (action === "stamp" && kind !== "alembic");
}

/** Looks at a database, says what it is, asks, and takes it over. */
export async function runAdoption(
  app: App,
  { options, isConfirmed, target, around }: Request,
): Promise<Outcome> {
  const net = createSafetyNet(app, { ...options, restoreOnFailure: false });
  refuseBeside(options, options);
  const then = target === undefined ? null : { direction: "upgrade", text: target } as const;
  const makeFor = ({ to }: Adoption): MakeRehearsal => async (_, parts) => {
    const { adoptionRehearsal } = await import("../../rehearse/of_adoption.ts");
    return adoptionRehearsal({ ...parts, to, then, pace: {} });
  };
  const outcome = await app.withRun("read", async (context): Promise<Outcome | null> => {
    const { prepareAdoption } = await import("../../adopt/prepare.ts");
    const adoption = await prepareAdoption(context);
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
      const { runRehearsal } = await import("./run_rehearsal.ts");
      const request = { options, budgets: budgetsOf(options), make: makeFor(adoption) };
      const outcome = await runRehearsal(app, context, request);
      return { ...outcome, json: { ...json, ...outcome.json } };
    }
    return isConfirmed ? null : await ask(app, adoption, json);
  });
  if (outcome !== null) return outcome;
  return await app.withRun("write", async (context) => {
    const { adopt } = await import("../../adopt/adopt.ts");
    // A bridge of small tables is tried on the real rows before its backup, with all its locks: a budget is looked at before that.
    if (isGuarded(options)) {
      const { prepareAdoption } = await import("../../adopt/prepare.ts");
      const { openBudgetGuard } = await import("./budget_guard.ts");
      const make = makeFor(await prepareAdoption(context, true));
      await openBudgetGuard(app, { options, make }).begin(context, true);
    }
    const beforeChange: AdoptOptions["beforeChange"] = async (rehearse) => {
      await around?.before("adopt");
      const isTried = rehearse !== null && !options.noBackup;
      await net.spreadFor(
        context,
        "before adopt",
        isTried
          ? (trial) => {
            context.notify({ kind: "doing", text: "rehearsing the bridge on the copy" });
            return withTrial(app, context, trial, rehearse);
          }
          : undefined,
      );
    };
    try {
      const adoption = await adopt(context, { lockWaitMs: app.lockWaitMs, isWhole: true, beforeChange });
      printResult(app, context, adoption);
      await net.fold(context);
      return {
        json: {
          ...describe(adoption),
          stamped: adoption.action === "none" ? null : adoption.to,
          backup: net.summary(),
        },
      };
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

function describe({ inspection, action, to, statements }: Adoption): Outcome["json"] {
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
    bridge: statements.filter((statement) => !statement.isGuard).map((statement) => statement.sql),
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
  return renderBatches(context.database.dialect, await adoptionBatches(context, adoption));
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
  else {
    const count = counted(match.differences.length, "difference");
    show("schema", `is no revision's; nearest is ${named(match.revision)}, with ${count}:`);
    match.differences.map(describeDifference).map(shortened).forEach(more);
  }
  if (kept.length > 0) show("kept", kept.join(", "));
  if (adoption.refusal !== null) return;
  show("plan", planOf(adoption, named(adoption.to)));
  for (const { beside } of adoption.pieces) {
    if (beside !== null) more(`${beside.table}: ${beside.words}`);
  }
}

/** A default may be a long expression. */
function shortened(text: string): string {
  return text.length > longestLine ? `${text.slice(0, longestLine - 1)}…` : text;
}

const longestLine = 140;

function planOf({ action, statements, pieces }: Printed, to: string): string {
  const count = statements.filter((statement) => !statement.isGuard).length;
  switch (action) {
    case "none":
      return `nothing to do: it is ${
        to === "base" ? "empty, and harbor-db upgrade makes it" : `managed, at ${to}`
      }`;
    case "stamp":
      return `stamp it at ${to}${count === 0 ? "" : `, after ${counted(count, "statement")}`}`;
    case "bridge":
      return `a bridge of ${counted(count, "statement")} to ${to}, ${
        pieces.length > 0 ? "beside those who write, piece by piece" : "in one transaction"
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
