/** One thing that was measured of one tool, one sample for each run. None is ever left out. */
export interface Series {
  readonly tool: string;
  readonly samples: readonly number[];
}

/** What was measured of all tools in the same runs. */
export interface Measure {
  /** What it says: `total`, `longest wait of a writer`. */
  readonly name: string;
  readonly unit: "ms" | "MB" | "count";
  readonly series: readonly Series[];
}

/** Returns the middle of some numbers, between the two middle ones of an even count. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Returns the number below which a share of them lies, between the two nearest. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Returns the median of a tool's samples; `null` when it was not measured. */
export function medianOf({ series }: Measure, tool: string): number | null {
  const found = series.find((each) => each.tool === tool);
  return found === undefined ? null : median(found.samples);
}

/** Writes a number with as many digits as mean something: `0.34`, `12.8`, `1240`. */
export function rounded(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value < 1 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}
