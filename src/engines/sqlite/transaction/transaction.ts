import type { HarborError } from "../../../base/errors.ts";
import { quoteText } from "../../../sql/quote.ts";
import type { WriteMode } from "../../database.ts";
import { type Endangered, endangeredBy } from "./dangling_references.ts";
import { copiedNames, copyGuard, missedNames } from "../rebuild/copied_names.ts";
import { danglingFailure, failure, type FailurePlace, missedFailure } from "../connection/errors.ts";
import { type Fence, isFenceFailure, lockLost } from "../lock/lock.ts";
import { keepStatistics, losesStatistics } from "./keep_statistics.ts";
import { type Dependent, dependentsQuery, keepDependents, type PlacedStatement } from "./table_rebuild.ts";
import { own, type SqliteStatement } from "../connection/statement.ts";

/** Statements that run in one transaction. */
export interface SqliteBatch {
  readonly statements: readonly SqliteStatement[];
  readonly mode: Exclude<WriteMode, "alone">;
  /** While a lock is held. */
  readonly fence?: Fence | undefined;
  /** Whether it is rolled back: COMMIT, which looks at what is deferred, then never comes. */
  readonly isRehearsal?: boolean;
}

/** A statement of a transaction. */
export interface Step extends SqliteStatement {
  /** Its place in the batch; `null` for one that lets a view outlive a rebuild; without one it is the driver's own. */
  readonly index?: number | null;
  /** The statement of the batch that it looks ahead for, which is told of when it fails. */
  readonly guards?: SqliteStatement & { readonly index: number };
}

/** What a transaction consists of, on every engine that has SQLite's SQL; the driver puts BEGIN and its end around it. */
export interface Transaction {
  /** Goes before BEGIN: inside a transaction SQLite ignores it. */
  readonly before: Step;
  /** Goes after the end, however it ended. */
  readonly after: Step;
  /** What the steps depend on. */
  readonly questions: readonly SqliteStatement[];
  /** Returns the steps, from the rows that each of the questions has. */
  steps(answers: readonly (readonly unknown[])[]): readonly Step[];
  /** What goes before COMMIT when the steps have run. */
  readonly closing: readonly Step[];
}

/** Lets a transaction take the write lock at once: one that reads first fails beside another writer. */
export const begin: Step = own("BEGIN IMMEDIATE");

/** What sets the modes apart; a table can be rebuilt only where SQLite's foreign keys are off. */
const modes: Readonly<
  Record<SqliteBatch["mode"], { readonly foreignKeys: "ON" | "OFF"; mayRebuild: boolean }>
> = {
  rows: { foreignKeys: "ON", mayRebuild: false },
  schema: { foreignKeys: "OFF", mayRebuild: true },
  replace: { foreignKeys: "OFF", mayRebuild: false },
};

/** Says what a batch's transaction consists of. */
export function transactionOf({ statements, mode, fence, isRehearsal = false }: SqliteBatch): Transaction {
  const { foreignKeys, mayRebuild } = modes[mode];
  const keeps = mayRebuild && losesStatistics(statements);
  const endangered = mayRebuild || isRehearsal ? endangeredBy(statements) : "none";
  // Where foreign keys are on, a table that is dropped may take rows of any other with it.
  const references = foreignKeys === "OFF" || endangered === "none" ? endangered : "any";
  const checks = references !== "none";
  const outliving = (dependents: readonly Dependent[]) =>
    keepStatistics(keepDependents(statements, dependents), dependents).flatMap(guarded);
  // The steps are asked for with the lock: what takes no answers, such as reading all texts, is done before.
  const ready = keeps ? null : outliving([]);
  return {
    before: own(`PRAGMA foreign_keys = ${foreignKeys}`),
    after: own("PRAGMA foreign_keys = ON"),
    questions: [...keeps ? [dependentsQuery] : [], ...checks ? [danglingQuery(references)] : []],
    steps(answers) {
      const [dangling] = checks ? answers.at(-1) as readonly { readonly count: number }[] : [];
      return [
        ...fence === undefined ? [] : [fence.first],
        ...ready ?? outliving(answers[0] as readonly Dependent[]),
        ...dangling === undefined ? [] : [danglingGuard(dangling.count, references)],
      ];
    },
    closing: fence === undefined ? [] : [fence.last],
  };
}

/** Picks what belongs to the statements of the batch out of what the steps returned. */
export function ofBatch<T>(steps: readonly Step[], results: readonly T[]): T[] {
  return results.filter((_, place) => typeof steps[place]?.index === "number");
}

/**
 * Turns what the engine said to a step into an error.
 *
 * @param place The database, and its file where that is on this machine
 * @param said Also SQLite's result code and the original error, where the runtime gives them
 */
export function stepFailure(
  place: Pick<FailurePlace, "url" | "path">,
  step: Step,
  said: { readonly message: string; readonly result?: number | undefined; readonly cause?: unknown },
): HarborError {
  const { message, ...rest } = said;
  const { text, index } = step.guards ?? step;
  const missed = step.guards === undefined ? null : missedNames(message);
  if (missed !== null) return missedFailure({ ...place, statement: text, index: index ?? undefined }, missed);
  if (index !== undefined) {
    return failure({ ...place, statement: text, index: index ?? undefined }, message, rest);
  }
  if (isFenceFailure(message)) return lockLost(place.url);
  const references = /harbor_dangling (.*?)'?$/.exec(message)?.[1];
  return references === undefined ? failure(place, message, rest) : danglingFailure(place.url, references);
}

/** Puts a guard before a copy that may take the name of a column for a text. */
function guarded(step: PlacedStatement): readonly Step[] {
  const { text, values, index } = step;
  const copy = index === null ? null : copiedNames(text);
  if (copy === null || index === null) return [step];
  return [{ text: copyGuard(copy), values: [], guards: { text, values, index } }, step];
}

function danglingQuery(references: Endangered): Step {
  return own(`SELECT count(*) AS count FROM ${danglingIn(references)}`);
}

/** Returns what yields the rows that refer to nothing, of the references that are at stake. */
function danglingIn(references: Endangered): string {
  if (typeof references === "string") return "pragma_foreign_key_check";
  const names = [...references.keys()].map((name) => quoteText(name)).join(", ");
  const toThem = [...references].map(([name, key]) =>
    `lower(key."table") = ${quoteText(name)}${
      key === null ? "" : ` AND (key."to" IS NULL OR lower(key."to") <> ${quoteText(key)})`
    }`
  ).join(" OR ");
  return `(WITH at_stake AS MATERIALIZED (SELECT each.name FROM sqlite_schema AS each
CROSS JOIN pragma_foreign_key_list(each.name) AS key WHERE each.type = 'table'
AND (lower(each.name) IN (${names}) OR ${toThem}) GROUP BY each.name)
SELECT found.* FROM at_stake CROSS JOIN pragma_foreign_key_check(at_stake.name) AS found)`;
}

/**
 * Returns a statement that fails when more rows refer to nothing than `before`. SQLite lets an expression fail with
 * words of our own only through the message for a JSON path that it cannot read.
 */
function danglingGuard(before: number, references: Endangered): Step {
  return {
    text:
      `SELECT CASE WHEN sum(n) > ? THEN json_extract('{}', 'harbor_dangling ' || group_concat(words, ', ')) END
FROM (SELECT count(*) AS n, "table" || ' to ' || parent || ': ' || count(*) AS words
FROM ${danglingIn(references)} GROUP BY "table", parent)`,
    values: [BigInt(before)],
  };
}
