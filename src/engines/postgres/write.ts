import { HarborError } from "../../base/errors.ts";
import { foldedName, tokensOf } from "../../sql/cursor.ts";
import type { WriteMode } from "../database.ts";
import { batchFrame, type FrameSetting, plain } from "./batch_frame.ts";
import type { Attached } from "./catalogs/attached.ts";
import { buildLike } from "./catalogs/build_like.ts";
import { carryOver } from "./catalogs/carry_over.ts";
import { despiteOthers } from "./contention.ts";
import { pinSession, turnSessionToOurs, turnToOurs, turnToUsers } from "./session/search_path.ts";
import type { Result, Session } from "./session/session.ts";
import { excerpt, type Statement, withoutLead } from "./session/statement.ts";
import { type BatchWatch, countNow, type LockWatch, rowsQuery } from "./watch/locks.ts";

/** How long a batch waits for locks of other sessions, in milliseconds. */
export interface Patience {
  /**
   * At a time. Meanwhile all who come later wait behind it, readers too, so it gives up and tries again. A
   * `lock_timeout` in the database URL overrides it.
   */
  readonly lockTimeoutMs: number;
  /** In all, before it fails with `busy`. */
  readonly totalMs: number;
  /** Of a statement with CONCURRENTLY, which lets everybody pass while it waits and leaves rubbish when it fails. */
  readonly concurrentlyMs: number;
}

/** What {@link batchWriter} needs. */
export interface WriteSetting extends FrameSetting {
  readonly patience: Patience;
  /** Opens another session, to see who is in the way. */
  readonly openObserver: () => Promise<Session>;
  /** Told how each batch went that committed. */
  readonly onBatch: (times: PostgresBatchTimes) => void;
  /** Returns who watches at this moment. */
  readonly watch: () => LockWatch | null;
}

/** How a batch went, in milliseconds. */
export interface PostgresBatchTimes {
  /** From its begin to the end of its commit. */
  readonly heldMs: number;
  /** Of that, the ways to the server and back. */
  readonly fixedMs: number;
  /** What its statements took beyond what its begin did, which changes nothing: a busy machine adds as much to either. */
  readonly rowsMs: number;
  /** For how long it waited for others before, attempts that came to nothing included. */
  readonly waitedMs: number;
}

/** How often a batch goes to the server and back: with its begin, its statements, its commit. */
const roundTrips = 3;

/** Commands that would end the transaction which makes a batch atomic. */
const transactionCommand =
  /^(?:begin|start\s+transaction|commit|end|abort|rollback|prepare\s+transaction)\b/i;

/** Runs batches. */
export interface BatchWriter {
  /** `Database.write`. */
  write(statements: readonly Statement[], mode?: WriteMode): Promise<number[]>;
  /** Runs a batch in a transaction, then `look`, rolls all of it back and returns what `look` said. */
  rehearse(statements: readonly Statement[], look: readonly Statement[]): Promise<readonly Result[]>;
}

/** What the statements of a transaction came to that is still open. */
interface Ran {
  /** How many rows each of them changed. */
  readonly changed: number[];
  readonly batch: BatchWatch | undefined;
  /** What {@link rowsQuery} said at its beginning. */
  readonly before: Result | undefined;
  /** What hung on tables and indexes at its beginning; nothing where that was not asked. */
  readonly attached: readonly Attached[];
}

/** query_canceled */
const cancelled = "57014";

/** In which modes others queue behind who waits; nobody does behind who waits for rows. */
const locksTables: Readonly<Record<Exclude<WriteMode, "alone">, boolean>> = {
  rows: false,
  schema: true,
  replace: false,
};

/** Returns the writer of a session. */
export function batchWriter(setting: WriteSetting): BatchWriter {
  const { session, trust, patience, lockTimeout, openObserver, onBatch, watch } = setting;
  const { lockTimeoutMs, totalMs, concurrentlyMs } = patience;
  const {
    askAttached,
    guard,
    requireOwnProcess,
    requireTrust,
    element,
    around,
    commit,
    readAttached,
    hasLost,
    readStanding,
    carry,
  } = batchFrame(setting);
  const waiting = {
    pid: session.backendPid,
    openObserver,
    lockTimeoutMs,
    totalMs,
    isGentle: lockTimeout === undefined,
  };
  let quickestMs = Infinity;
  let rowsMs = 0;
  /** The ids of what stood there when the first index was built or dropped alone. */
  let stood: ReadonlySet<string> | undefined;

  /** 0 would be no limit to the server. */
  function bearableMs(): number {
    return Math.max(1, Math.min(lockTimeoutMs, Math.floor(watch()?.maxLockMs ?? lockTimeoutMs)));
  }

  async function write(statements: readonly Statement[], mode: WriteMode = "rows"): Promise<number[]> {
    statements.forEach(refuseUnfit);
    if (mode !== "alone") {
      const asked = performance.now();
      // A batch of a backfill puts nothing in another's place, and would hold its rows while all is looked at.
      const replaces = mode !== "rows" && mayReplace(statements);
      const attempt = async (waitMs: number) => {
        const began = performance.now();
        const changed = await watched((batch) =>
          transact(statements, { waitMs, replaces, batch }, commitAll)
        );
        const heldMs = performance.now() - began;
        onBatch({ heldMs, fixedMs: quickestMs * roundTrips, rowsMs, waitedMs: began - asked });
        return changed;
      };
      return await despiteOthers((waitMs) => session.exclusive(() => attempt(waitMs)), {
        ...waiting,
        // Who waits for a lock that keeps others waiting keeps them waiting already.
        lockTimeoutMs: locksTables[mode] ? bearableMs() : lockTimeoutMs,
        isGentle: waiting.isGentle && locksTables[mode],
      });
    }
    const changed: number[] = [];
    for (const [index, statement] of statements.entries()) {
      const prepared = await prepareAlone(statement);
      const concurrently = /\bconcurrently\b/i.test(statement.text);
      const attempt = (waitMs: number) =>
        session.exclusive(() =>
          watched(async (batch) => {
            const rows = await runAlone(prepared, { index, waitMs });
            await batch?.beforeCommit();
            batch?.committed({ changed: rows, read: null });
            return rows;
          })
        );
      changed.push(
        await despiteOthers(attempt, {
          ...waiting,
          ...concurrently ? { lockTimeoutMs: concurrentlyMs, totalMs: 0, isGentle: false } : {},
        }),
      );
    }
    return changed;
  }

  async function rehearse(
    statements: readonly Statement[],
    look: readonly Statement[],
  ): Promise<readonly Result[]> {
    statements.forEach(refuseUnfit);
    const attempt = (waitMs: number) =>
      transact(statements, { waitMs, replaces: mayReplace(statements), batch: undefined }, async () => {
        // What is deferred would be looked at by COMMIT.
        await around([plain("SET CONSTRAINTS ALL IMMEDIATE")]);
        const results = await around(look);
        await around([plain("ROLLBACK")]);
        return results;
      });
    return await despiteOthers((waitMs) => session.exclusive(() => attempt(waitMs)), waiting);
  }

  /**
   * @param replaces Whether a statement may put one relation in another's place
   * @param batch Who watches it
   * @param end Ends the transaction
   */
  async function transact<T>(
    statements: readonly Statement[],
    { waitMs, replaces, batch }: {
      readonly waitMs: number;
      readonly replaces: boolean;
      readonly batch: BatchWatch | undefined;
    },
    end: (ran: Ran) => Promise<T>,
  ): Promise<T> {
    try {
      const began = performance.now();
      const opening = [
        plain("BEGIN ISOLATION LEVEL READ COMMITTED"),
        ...session.direct ? [] : [turnToOurs],
        ...batch === undefined ? [] : [plain(rowsQuery)],
        ...trust.asked,
        guard(waitMs, true),
      ];
      const answers = await around([...opening, ...replaces ? [askAttached] : []]);
      const beginMs = performance.now() - began;
      quickestMs = Math.min(quickestMs, beginMs);
      batch?.starts();
      requireOwnProcess(answers[opening.length - 1]);
      await requireTrust(answers[opening.length - 2], { statements, isTransaction: true });
      const attached = answers[opening.length]?.rows[0]?.["used"] === true ? await readAttached() : [];
      // Sent together, so that locks are not held for the way there and back of each. After a failure the server
      // passes over the rest.
      const sent = performance.now();
      let asUser = false;
      const turnTo = (wanted: boolean) => {
        if (asUser === wanted) return [];
        asUser = wanted;
        return [wanted ? turnToUsers(session) : turnToOurs];
      };
      const elements = Promise.allSettled(
        statements.map((statement, index) => element(statement, index, turnTo(statement.asUser === true))),
      );
      // What is deferred is judged now, while its failure cannot be mistaken for one of the commit. It is the users'.
      const judgement = around([
        ...turnTo(statements.some((statement) => statement.asUser)),
        plain("SET CONSTRAINTS ALL IMMEDIATE"),
      ]);
      judgement.catch(() => {});
      const changed = (await elements).map((each) => {
        if (each.status === "rejected") throw each.reason;
        return each.value;
      });
      await judgement;
      rowsMs = Math.max(0, performance.now() - sent - beginMs);
      if (statements.length > 0 && await hasLost(attached)) {
        await carry(carryOver(attached, await readAttached()));
      }
      return await end({ changed, batch, before: batch && answers[session.direct ? 1 : 2], attached });
    } catch (error) {
      if (!session.hasEnded()) await session.run([plain("ROLLBACK")]).catch(() => session.close());
      throw error;
    }
  }

  /** Commits, and tells who watches what the transaction did. */
  async function commitAll({ changed, batch, before }: Ran): Promise<number[]> {
    if (batch === undefined) {
      await commit();
      return changed;
    }
    // At once, on two sessions: meanwhile all is kept locked.
    const [counts] = await Promise.all([
      around([
        turnToOurs,
        plain(rowsQuery),
        ...session.serverVersion >= 150_000 ? [plain(countNow)] : [],
      ]),
      batch.beforeCommit(),
    ]);
    await commit();
    const count = (what: "read" | "changed") =>
      Number(counts[1]?.rows[0]?.[what]) - Number(before?.rows[0]?.[what]);
    batch.committed({ changed: count("changed"), read: count("read") });
    return changed;
  }

  /** Runs work while a batch is watched, if anybody watches, and says of one that was broken off why it was. */
  async function watched<T>(work: (batch: BatchWatch | undefined) => Promise<T>): Promise<T> {
    const batch = watch()?.begin();
    try {
      return await work(batch);
    } catch (error) {
      const brokenOff = batch?.end();
      const isCancelled = error instanceof HarborError && error.details.sqlState === cancelled;
      throw isCancelled ? brokenOff ?? error : error;
    } finally {
      batch?.end();
    }
  }

  async function runAlone(
    statement: Statement,
    { index, waitMs }: { readonly index: number; readonly waitMs: number },
  ): Promise<number> {
    try {
      const answers = await around([
        ...session.direct ? [] : [turnSessionToOurs],
        ...trust.asked,
        guard(waitMs, false),
      ]);
      requireOwnProcess(answers.at(-1));
      await requireTrust(answers.at(-2), { statements: [statement], isTransaction: false });
      return await element(statement, index, statement.asUser ? [turnToUsers(session, false)] : []);
    } finally {
      const back = session.direct ? [pinSession] : [plain("RESET search_path"), plain("RESET jit")];
      if (!session.hasEnded()) {
        await session.run([...back, plain("RESET lock_timeout")]).catch(() => session.close());
      }
    }
  }

  /**
   * An index that is built without a transaction is built like the one whose place it is to take. One that goes without a
   * transaction gives what hangs on it to its successor while it is there.
   */
  async function prepareAlone(statement: Statement): Promise<Statement> {
    const { text, asUser } = statement;
    const [, verb] = /^(create|drop)\s+(?:unique\s+)?index\b/i.exec(withoutLead(text)) ?? [];
    if (!asUser || verb === undefined) return statement;
    const attempt = (waitMs: number) =>
      transact([], { waitMs, replaces: true, batch: undefined }, async ({ attached }) => {
        // Also where nothing hangs yet: something may by the time that one of them goes.
        const known = stood ??= await readStanding();
        await commit();
        return { attached, known };
      });
    const { attached, known } = await despiteOthers(
      (waitMs) => session.exclusive(() => attempt(waitMs)),
      waiting,
    );
    if (/create/i.test(verb)) return { ...statement, written: buildLike(text, attached) };
    const names = tokensOf(text, "postgresql").map((token) => foldedName(token, "postgresql"));
    const isGoing = ({ definition, bare }: Attached) => definition !== null && names.includes(bare);
    const texts = carryOver(
      // An index that was there before takes over no more than it needs to: to move it would lock it for long.
      attached.filter((each) => isGoing(each) || known.has(each.id)),
      attached.filter((each) => !isGoing(each)),
    );
    if (texts.length > 0) await write(texts.map(plain), "schema");
    return statement;
  }

  return { write, rehearse };
}

function refuseUnfit({ text }: Statement, index: number): void {
  const code = withoutLead(text);
  const isTransactionCommand = transactionCommand.test(code);
  if (code !== "" && !isTransactionCommand) return;
  const state = isTransactionCommand ? "a batch is a transaction already" : "the text holds no statement";
  throw new HarborError("statement_failed", `Cannot run "${excerpt(text)}"`, {
    state,
    hint: "Remove it from the script.",
    details: { statement: text, index },
  });
}

/**
 * Whether statements of a user's may put one relation in another's place, or call what does. What only goes leaves no place;
 * but an index that is there may be made of the same as one that goes.
 */
function mayReplace(statements: readonly Statement[]): boolean {
  const texts = statements.flatMap(({ text, asUser }) => asUser === true ? [text] : []);
  const some = (words: RegExp) => texts.some((text) => words.test(text));
  return some(/\b(?:type|do|call|select)\b/i) ||
    some(/\bdrop\b/i) && some(/\b(?:create|add|rename|attach|import|execute|index|constraint)\b/i);
}
