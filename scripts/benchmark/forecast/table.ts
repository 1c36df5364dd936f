import { formatBytes, formatDuration } from "../../../src/base/quantity.ts";
import type { Goal, SectionTable } from "../bench.ts";
import { bytesOf, countedOf, factor, judge, lockOf, type Outcome, type Verdict } from "./judge.ts";
import { median } from "../stats.ts";

/** What was forecast and run several times. */
export interface Case {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  /** Why there are none; `null` where there are. */
  readonly failure: string | null;
}

/** Returns the table of some cases. */
export function tableOf(what: string, cases: readonly Case[]): SectionTable {
  return {
    samples: cases.map(({ name, outcomes }) => ({ name, outcomes: outcomes.map(sampleOf) })),
    head: [
      what,
      "time, forecast",
      "run",
      "longest lock, forecast",
      "run",
      "disk, forecast",
      "run",
      "time held",
      "lock held",
      "rows and locks alike",
      "breaches found",
      "invented",
    ],
    rows: cases.map(({ name, outcomes, failure }) => {
      if (failure !== null) return [name, `not told: ${failure}`, ...Array<string>(10).fill("")];
      const verdicts = outcomes.map(judge);
      const middle = (of: (outcome: Outcome) => number) => formatDuration(median(outcomes.map(of)));
      const count = (of: (verdict: Verdict) => boolean) =>
        shareOf(verdicts.filter(of).length, outcomes.length);
      return [
        name,
        middle(({ forecast }) => forecast.ms),
        middle(({ run }) => run.ms),
        `${middle(({ forecast }) => lockOf(forecast).heldMs)} ± ${
          middle(({ forecast }) => lockOf(forecast).marginMs)
        }`,
        middle(({ run }) => lockOf(run).heldMs),
        formatBytes(median(outcomes.map(({ forecast }) => bytesOf(forecast)))),
        formatBytes(median(outcomes.map(({ run }) => bytesOf(run)))),
        count(({ time }) => time),
        count(({ lock }) => lock),
        count(({ alike }) => alike),
        shareOf(sum(verdicts, "found"), sum(verdicts, "breaches")),
        String(sum(verdicts, "invented")),
      ];
    }),
  };
}

function sampleOf(outcome: Outcome) {
  const figuresOf = (run: Outcome["run"]) => ({
    ms: run.ms,
    lock: lockOf(run),
    bytes: bytesOf(run),
    counted: countedOf(run),
  });
  return { forecast: figuresOf(outcome.forecast), run: figuresOf(outcome.run), verdict: judge(outcome) };
}

/** Returns an outcome as a line for who watches. */
export function wordsOf(outcome: Outcome): string {
  const { forecast, run } = outcome;
  const { time, lock, alike, breaches, found, invented } = judge(outcome);
  const misses = Object.entries({ time, lock, alike, found: found === breaches, invented: invented === 0 });
  const [said, was] = [lockOf(forecast), lockOf(run)];
  return [
    `time ${formatDuration(forecast.ms)}, was ${formatDuration(run.ms)};`,
    `lock ${formatDuration(said.heldMs)} ± ${formatDuration(said.marginMs)},`,
    `was ${formatDuration(was.heldMs)};`,
    `disk ${formatBytes(bytesOf(forecast))}, was ${formatBytes(bytesOf(run))}`,
    ...misses.flatMap(([name, holds]) => holds ? [] : [`MISSES ${name}`]),
  ].join(" ");
}

/** Returns what forecasts have to reach. */
export function goalsOf(cases: readonly Case[]): readonly Goal[] {
  const verdicts = cases.flatMap(({ outcomes }) => outcomes.map(judge));
  if (verdicts.length === 0) return [];
  const share = (of: (verdict: Verdict) => boolean, least: number) => {
    const count = verdicts.filter(of).length;
    return { found: shareOf(count, verdicts.length), isReached: count >= verdicts.length * least };
  };
  const [found, breaches, invented] = [
    sum(verdicts, "found"),
    sum(verdicts, "breaches"),
    sum(verdicts, "invented"),
  ];
  const untold = cases.filter(({ failure }) => failure !== null).length;
  return [
    { text: `time within ${factor} times in nine of ten runs`, ...share(({ time }) => time, 0.9) },
    {
      text: `the longest lock within ${factor} times or its ± in nine of ten runs`,
      ...share(({ lock }) => lock, 0.9),
    },
    {
      text: "rows changed, and tables and modes of all locks that keep somebody waiting, as told",
      ...share(({ alike }) => alike, 1),
    },
    {
      text: "every breach of a budget found",
      found: shareOf(found, breaches),
      isReached: found === breaches,
    },
    { text: "no breach invented", found: String(invented), isReached: invented === 0 },
    {
      text: "all could be told",
      found: shareOf(cases.length - untold, cases.length),
      isReached: untold === 0,
    },
  ];
}

function sum(verdicts: readonly Verdict[], name: "found" | "breaches" | "invented"): number {
  return verdicts.reduce((total, verdict) => total + verdict[name], 0);
}

function shareOf(count: number, of: number): string {
  return `${count} of ${of}`;
}
