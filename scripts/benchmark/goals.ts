import type { Goal } from "./bench.ts";
import { type Measure, median, medianOf, rounded } from "./stats.ts";

/** Checks that harbor-db's median is at most so many times another tool's. No goal when that one was not measured. */
export function atMostTimes(measure: Measure, other: string, times: number): readonly Goal[] {
  const [own, theirs] = [medianOf(measure, "harbor-db"), medianOf(measure, other)];
  if (own === null || theirs === null) return [];
  const goal = times === 1
    ? `no more than ${other}'s`
    : times < 1
    ? `at least ${rounded(1 / times)} times less than ${other}'s`
    : `at most ${times} times ${other}'s`;
  return [{
    text: `${measure.name}: ${goal}`,
    found: `${rounded(own)} to ${rounded(theirs)}`,
    isReached: own <= theirs * times,
  }];
}

/** Checks that harbor-db's median is at most some value. */
export function atMost(measure: Measure, limit: number): readonly Goal[] {
  const own = medianOf(measure, "harbor-db");
  if (own === null) return [];
  return [{
    text: `${measure.name}: at most ${rounded(limit)}`,
    found: rounded(own),
    isReached: own <= limit,
  }];
}

/** Checks that harbor-db's median is less than every other tool's. */
export function leastOfAll(measure: Measure, unless: readonly string[] = []): readonly Goal[] {
  const own = medianOf(measure, "harbor-db");
  if (own === null) return [];
  const others = measure.series.filter(({ tool }) => tool !== "harbor-db" && !unless.includes(tool))
    .map(({ samples }) => median(samples));
  const least = Math.min(...others);
  return [{
    text: `${measure.name}: fewer than with any peer`,
    found: `${rounded(own)} to ${rounded(least)}`,
    isReached: own < least,
  }];
}

/** Checks that harbor-db's median speed is at least so many times another tool's. */
export function fasterThan(measure: Measure, other: string, times: number): readonly Goal[] {
  const [own, theirs] = [medianOf(measure, "harbor-db"), medianOf(measure, other)];
  if (own === null || theirs === null) return [];
  return [{
    text: `${measure.name}: at least ${times} of the speed of ${other}`,
    found: `${rounded(theirs / own)} of it`,
    isReached: theirs / own >= times,
  }];
}
