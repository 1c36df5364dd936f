/** One statement of a script and how it has to run. */
export interface Statement {
  readonly sql: string;
  /** Line of its first word in the file, from 1. */
  readonly line: number;
  /** Hazards accepted by `-- harbor:allow <hazard> <reason>`. */
  readonly allowed: readonly string[];
  readonly run: RunsInTransaction | RunsAlone | Backfill;
}

/** Runs in one transaction with its neighbours. */
export interface RunsInTransaction {
  readonly kind: "transaction";
}

/** Runs outside any transaction (`-- harbor:alone`, `-- harbor:concurrently`). */
export interface RunsAlone {
  readonly kind: "alone";
  /** The index that it makes, which an interruption leaves behind invalid; `null` for any other statement. */
  readonly makesIndex: string | null;
}

/** Runs in key-range batches (`-- harbor:backfill table=… key=…`). */
export interface Backfill {
  readonly kind: "backfill";
  readonly table: string;
  readonly key: string;
  /** `UPDATE … SET …` without its condition. */
  readonly update: string;
  /** The condition without the word WHERE; `null` when every row is meant. */
  readonly condition: string | null;
}
