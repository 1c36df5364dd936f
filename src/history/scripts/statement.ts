/** One statement of a script and how it has to run. */
export interface Statement {
  readonly sql: string;
  /** Line of its first word in the file, from 1. */
  readonly line: number;
  /** Hazards accepted by `-- harbor:allow <hazard> <reason>`. */
  readonly allowed: readonly string[];
  readonly run: RunsInTransaction | RunsAlone | Backfill;
}

/** What sets the ways to run a statement apart. */
export const ways: Readonly<Record<Statement["run"]["kind"], Way>> = {
  transaction: { isShared: true, isInTransaction: true, isInBatches: false },
  alone: { isShared: false, isInTransaction: false, isInBatches: false },
  backfill: { isShared: false, isInTransaction: true, isInBatches: true },
};

interface Way {
  /** Whether it shares its transaction with neighbours that run in the same way. */
  readonly isShared: boolean;
  readonly isInTransaction: boolean;
  /** Whether rows are held for no longer than a batch of them takes. */
  readonly isInBatches: boolean;
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

/** Runs in key-range batches (`-- harbor:backfill table=… key=…`, `-- harbor:batches …`). */
export interface Backfill {
  readonly kind: "backfill";
  readonly table: string;
  readonly key: string;
  /** `UPDATE … SET …` or `DELETE FROM …` without its condition. */
  readonly update: string;
  /** Set where rows are deleted. */
  readonly deletes?: true;
  /** The condition without the word WHERE; `null` when every row is meant. */
  readonly condition: string | null;
}
