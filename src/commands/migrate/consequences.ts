import type { HarborError } from "../../base/errors.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import type { Values } from "../../cli/options.ts";
import type { Fact } from "../../cli/output/report.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Going } from "../../migrate/foresee.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { readKnownReleases } from "../../releases/known_releases.ts";
import { releasesThatRun, type Verdict } from "../../releases/may_run.ts";
import { stoppedReleases } from "../../releases/words.ts";
import { countText } from "../../state/count_rows.ts";
import type { folderOptions } from "../backup/options.ts";
import { changedForGood, filledForGood } from "./kept_lines.ts";
import { type TableWay, waitsAmong, waysIn } from "./table_ways.ts";
import { bridgeFacts, readUndoneBridge, type UndoneBridge } from "./undone_bridge.ts";

/** What a plan means for the data and for the application. */
export interface Consequences {
  /** `null` when it is not known: the history lost the schema that the database is at. */
  readonly going: readonly Going[] | null;
  /** What hangs on indexes and constraints and goes with them, each as a sentence. */
  readonly losses: readonly string[];
  /** Of each release whether it may run now, and then; `null` when nobody says what releases need. */
  readonly releases: readonly { readonly now: Verdict; readonly then: Verdict }[] | null;
  /** Which tables keep everybody who writes waiting, each as a sentence. */
  readonly waits: readonly string[];
  /** Why that cannot be read. */
  readonly problem: HarborError | null;
  /** The bridge that it undoes; `null` for none. */
  readonly bridge: UndoneBridge | null;
}

/** What is known where nothing is there yet, or nothing is to be done. */
export const noConsequences: Consequences = {
  going: [],
  losses: [],
  releases: null,
  waits: [],
  problem: null,
  bridge: null,
};

/** Reads what a plan means. */
export async function readConsequences(
  app: App,
  context: RunContext,
  { plan, losses, options, known }: {
    readonly plan: PreparedPlan;
    /** In which ways it would run, where that was read already. */
    readonly known?: { readonly ways: readonly Way[]; readonly tables: readonly TableWay[] };
    readonly losses: readonly string[];
    readonly options: Values<typeof folderOptions> & { readonly noKeep: boolean };
  },
): Promise<Consequences> {
  // In an empty database nothing is there that could go.
  if (plan.from === null) return { ...noConsequences, losses };
  const { foresee } = await import("../../migrate/foresee.ts");
  const { waysOfPlan } = await import("../../migrate/steps/run_steps.ts");
  const ways = known?.ways ?? await waysOfPlan(context, plan);
  const foreseen = await foresee(context, plan);
  const { releases, problem } = await readKnownReleases(app.readBeside);
  const schemas = foreseen?.schemas ?? null;
  return {
    going: foreseen?.going ?? null,
    losses: options.noKeep
      ? [...losses, ...await filledForGood(context, ways), ...await changedForGood(context, plan)]
      : losses,
    releases: releases === null || schemas === null ? null : verdicts(releases, schemas),
    waits: waitsAmong(known?.tables ?? await waysIn(context, ways)),
    problem,
    bridge: await readUndoneBridge(app, context, { plan, options }),
  };
}

function verdicts(
  releases: Parameters<typeof releasesThatRun>[1],
  { before, after }: Readonly<Record<"before" | "after", Parameters<typeof releasesThatRun>[0]>>,
): Consequences["releases"] {
  const then = releasesThatRun(after, releases);
  return releasesThatRun(before, releases).map((now, place) => ({ now, then: then[place]! }));
}

/** What programs are told. */
export function consequencesJson({ going, releases, problem, bridge }: Consequences): Outcome["json"] {
  return {
    goes: going?.map(({ table, column, count }) => ({
      table,
      column,
      rows: count?.rows ?? null,
      atLeast: count?.isAtLeast ?? false,
    })) ?? null,
    releases: releases?.map(({ now, then }) => ({ ...then, mayRunNow: now.mayRun })) ?? null,
    releasesProblem: problem,
    undoesBridge: bridge && { adoptedAt: bridge.adoptedAt, backup: bridge.backup?.path ?? null },
  };
}

/** So many tables and columns are named in a question: it must be read at a glance. */
const named = 12;

/**
 * Says what a plan takes away, of the data and of the releases that may run.
 *
 * @param isWhole Whether everything is named, however much it is
 */
export function consequenceFacts(
  { going, losses, releases, waits, problem, bridge }: Consequences,
  isWhole: boolean,
): readonly Fact[] {
  const goes = goingTexts(going ?? [], isWhole);
  return [
    ...going === null ? [["goes", "not known: the history has no snapshot of what is there"] as const] : [],
    ...goes.length === 0 ? [] : [["goes", goes.join(", ")] as const],
    ...losses.map((loss): Fact => ["goes", loss]),
    // The steps of a plan say it themselves.
    ...isWhole ? [] : waits.map((wait): Fact => ["waits", wait]),
    ...releaseFacts(releases ?? []),
    ...problem === null ? [] : [["releases", `not known: ${problem.message}`] as const],
    ...bridge === null ? [] : bridgeFacts(bridge),
  ];
}

/** Names what goes, the most first. */
function goingTexts(going: readonly Going[], isWhole: boolean): readonly string[] {
  const isEmpty = ({ count }: Going) => count?.rows === 0;
  const full = going.filter((each) => !isEmpty(each)).toSorted((a, b) => rowsOf(b) - rowsOf(a));
  const shown = full.slice(0, isWhole ? full.length : named);
  const empty = going.filter(isEmpty).map(({ table, column }) => nameOf(table, column));
  return [
    ...shown.map(({ table, column, count }) =>
      `${nameOf(table, column)} (${countText(count, column === null ? "row" : "value")})`
    ),
    ...full.length === shown.length ? [] : [`${full.length - shown.length} more (--dry-run names them)`],
    ...empty.length === 0 ? [] : [emptyText(empty, isWhole)],
  ];
}

/** What nobody may count comes first: it may be the most. */
function rowsOf({ count }: Going): number {
  return count?.rows ?? Number.MAX_SAFE_INTEGER;
}

function nameOf(table: string, column: string | null): string {
  return column === null ? `table ${table}` : `${table}.${column}`;
}

function emptyText(empty: readonly string[], isWhole: boolean): string {
  return isWhole || empty.length <= named ? `empty: ${empty.join(", ")}` : `${empty.length} empty`;
}

/** Says which releases stop working, and which may run then. */
function releaseFacts(releases: NonNullable<Consequences["releases"]>): readonly Fact[] {
  const stopped = stoppedReleases(releases.filter(({ now }) => now.mayRun).map(({ then }) => then));
  const left = releases.filter(({ then }) => then.mayRun).map(({ then }) => then.release);
  if (releases.length === 0) return [];
  return [
    ...stopped.map(({ releases, reason }): Fact => ["stops", `${releases.join(", ")}: ${reason} then`]),
    ["may run", left.length === 0 ? "none of the known releases" : left.join(", ")],
  ];
}
