import type { LibsqlUrl } from "../../base/url/libsql_url.ts";
import type { SQL } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import type { Database, OpenOptions, WriteMode } from "../database.ts";
import { connectHrana, HranaFailure, type HranaResult, type HranaRows, type HranaStep } from "./hrana.ts";
import {
  answerLost,
  connectionFailure,
  engineFailure,
  isHarmless,
  isUndone,
  persist,
  stateOf,
  withState,
} from "./errors.ts";
import { mayDangle } from "../sqlite/dangling_references.ts";
import type { FailurePlace } from "../sqlite/errors.ts";
import { introspectSqlite } from "../sqlite/introspect.ts";
import { isFenceFailure, lockLost, openLease } from "../sqlite/lock.ts";
import { type Dependent, dependentsQuery, keepDependents, rebuiltTables } from "../sqlite/table_rebuild.ts";
import { compile, compileRead, refuseTransactionControl, type SqliteStatement } from "../sqlite/statement.ts";

/** Milliseconds for one answer: the first, a read's and a batch's. A server that died must not hold us for ever. */
const limits = { first: 15_000, read: 120_000, write: 600_000 };

/** A server's lock is passed on in turn; what is waited for is mostly the way there and back. */
const serverPace = { batchMs: 100, rest: 0.5, readRest: 0 };
/** A server tells nothing but what its answers do: how long they took, and how many attempts it refused. */
const noLoad = { waiting: 0, lagMs: 0, backlog: 0, backlogReason: "" };

/**
 * Opens a database on a libSQL server. Each batch is one request, and so one transaction on the server.
 *
 * A request is sent again when it is certain that nothing of it was committed: it never left, the server said that
 * its database was busy, or it took the transaction away from us (it does so after 5 seconds when another one
 * waits). When an answer is lost, the lock's fence tells which it was; outside the lock there is no second
 * attempt.
 *
 * @throws {HarborError} `connection_failed`
 */
export async function openLibsql(url: LibsqlUrl, options: OpenOptions): Promise<Database> {
  const { access, client } = options;
  const hrana = connectHrana(url.url, url.authToken);
  const lease = openLease({
    url: url.display,
    client,
    read: (statement) => readRows(statement),
    write: (make) => inTurn(() => writeOwn(make)),
  });
  let turn: Promise<unknown> = Promise.resolve();
  let isOpen = true;
  let lastBatch = { heldMs: 0, fixedMs: 0, waitedMs: 0 };
  let quickestMs = Infinity;

  await runAll([own("SELECT 1")], limits.first);
  return {
    dialect: url.dialect,
    url: url.display,
    read: async <Row>(statement: SQL) => await readRows<Row>(compileRead(statement)),
    write: async (batch, mode = "rows") => await write(batch.map(compile), mode),
    rehearse: async (batch, mode) => await rehearse(batch.map(compile), mode),
    async withLock(work, lockOptions) {
      refuseUnlessWritable();
      return await lease.withLock(work, lockOptions);
    },
    pace: () => Promise.resolve({ ...serverPace, relax: () => Promise.resolve({ ...noLoad, ...lastBatch }) }),
    lockHolder: lease.lockHolder,
    introspect: () => introspectSqlite(readTogether),
    close() {
      isOpen = false;
      return Promise.resolve();
    },
  };

  async function send(
    steps: readonly HranaStep[],
    limitMs: number,
  ): Promise<readonly (HranaResult | null)[]> {
    if (!isOpen) throw new HarborError("internal", `Cannot use "${url.display}": it is closed`);
    const began = performance.now();
    try {
      const results = await hrana.run(steps, limitMs);
      quickestMs = Math.min(quickestMs, performance.now() - began);
      return results;
    } catch (error) {
      throw error instanceof HranaFailure ? connectionFailure(url.display, error) : error;
    }
  }

  async function readRows<Row>(statement: SqliteStatement): Promise<Row[]> {
    const [result] = await persist(() => runAll([statement], limits.read), isHarmless);
    return result!.rows as unknown as Row[];
  }

  async function readTogether(queries: readonly string[]): Promise<readonly (readonly unknown[])[]> {
    const steps = ["BEGIN", ...queries, "COMMIT"].map(own);
    const results = await persist(() => runAll(steps, limits.read), isHarmless);
    return results.slice(1, -1).map((result) => result.rows);
  }

  async function write(statements: readonly SqliteStatement[], mode: WriteMode): Promise<number[]> {
    refuseUnlessWritable();
    if (mode === "alone") {
      const changed: number[] = [];
      for (const [index, statement] of statements.entries()) {
        changed.push(await inTurn(() => persist(() => sendAlone(statement, index), isUndone)));
      }
      return changed;
    }
    refuseTransactionControl(statements);
    const asked = performance.now();
    return await inTurn(() =>
      persist(async () => {
        const began = performance.now();
        const changed = await sendFenced(statements, mode);
        lastBatch = { heldMs: performance.now() - began, fixedMs: quickestMs, waitedMs: began - asked };
        return changed;
      }, isUndone)
    );
  }

  async function rehearse(statements: readonly SqliteStatement[], mode: WriteMode): Promise<Snapshot> {
    refuseUnlessWritable();
    refuseTransactionControl(statements);
    return await introspectSqlite((queries) => {
      const look = queries.map(own);
      return inTurn(() => persist(() => sendRehearsal({ statements, mode }, look), isHarmless));
    });
  }

  function refuseUnlessWritable(): void {
    if (access !== "read") return;
    throw new HarborError("read_only", `Cannot write to "${url.display}": it was opened for reading`);
  }

  /** One write after the other: a heartbeat beside a long batch would make the server abort the batch. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  /** Runs the lease's own statements, which may run twice. */
  function writeOwn(make: () => readonly SqliteStatement[]): Promise<number[]> {
    return persist(() => sendBatch({ statements: make(), mode: "rows" }), isHarmless);
  }

  async function sendAlone(statement: SqliteStatement, index: number): Promise<number> {
    const fence = lease.fence();
    if (fence !== undefined) await writeOwn(() => [fence.first]);
    const [result] = await send([statement], limits.write);
    return rowsOf(result, { statement: statement.text, index }).changed;
  }

  /** Sends a batch behind the fence, and finds out what became of it when the answer is lost. */
  async function sendFenced(statements: readonly SqliteStatement[], mode: WriteMode): Promise<number[]> {
    const fence = lease.fence();
    const batch = { statements, mode, opening: fence?.first, closing: fence?.last };
    try {
      const changed = await sendBatch(batch);
      fence?.passed();
      return changed;
    } catch (error) {
      if (fence === undefined) throw error;
      if (isLockLost(error)) {
        // Something on the way may have sent the batch twice: then it was the first that the second one ran into.
        const outcome = await lease.settle(fence, writeOwn).catch(() => undefined);
        throw outcome === "committed" ? answerLost(url.display, error) : error;
      }
      if (stateOf(error) !== "unknown") throw error;
      throw await lease.settle(fence, writeOwn) === "committed"
        ? answerLost(url.display, error)
        : withState(error, "undone");
    }
  }

  /** Returns the steps of a transaction, without its end. */
  async function stepsOf({ statements, mode, opening, closing }: Batch): Promise<readonly Step[]> {
    const isSchema = mode !== "rows";
    const guard = mode === "schema" && mayDangle(statements)
      ? danglingGuard(await countDangling())
      : undefined;
    const placed = keepDependents(statements, await dependentsOf(statements, mode));
    return [
      // Inside a transaction SQLite ignores it, so it goes before BEGIN.
      own(`PRAGMA foreign_keys = ${isSchema ? "OFF" : "ON"}`),
      own("BEGIN IMMEDIATE"),
      ...[opening, ...placed, guard, closing].filter((step) => step !== undefined),
    ];
  }

  async function sendRehearsal(
    batch: Batch,
    look: readonly SqliteStatement[],
  ): Promise<readonly (readonly unknown[])[]> {
    const steps = await stepsOf(batch);
    const after = ["ROLLBACK", "PRAGMA foreign_keys = ON"].map((text) => ({
      ...own(text),
      when: "always" as const,
    }));
    const results = await send([...steps, ...look, ...after], limits.write);
    steps.forEach(({ index, text }, place) =>
      rowsOf(results[place], typeof index === "number" ? { statement: text, index } : undefined)
    );
    return look.map((_, place) => rowsOf(results[steps.length + place]).rows);
  }

  async function sendBatch(batch: Batch): Promise<number[]> {
    const steps = [...await stepsOf(batch), own("COMMIT")] as readonly Step[];
    const after: readonly HranaStep[] = [
      { ...own("ROLLBACK"), when: { unless: steps.length - 1 } },
      { ...own("PRAGMA foreign_keys = ON"), when: "always" },
    ];
    const results = await send([...steps, ...after], limits.write);
    refuseFailedFence(results);
    return steps.flatMap(({ index, text }, place) => {
      const isGiven = typeof index === "number";
      const { changed } = rowsOf(results[place], isGiven ? { statement: text, index } : undefined);
      return isGiven ? [changed] : [];
    });
  }

  async function dependentsOf(
    statements: readonly SqliteStatement[],
    mode: WriteMode,
  ): Promise<readonly Dependent[]> {
    if (mode !== "schema" || rebuiltTables(statements).length === 0) return [];
    return await readRows<Dependent>(dependentsQuery);
  }

  async function countDangling(): Promise<number> {
    const [row] = await readRows<{ count: number }>(
      own("SELECT count(*) AS count FROM pragma_foreign_key_check"),
    );
    return row!.count;
  }

  function refuseFailedFence(results: readonly (HranaResult | null)[]): void {
    const failed = results.find((result) => result !== null && "error" in result);
    if (failed && "error" in failed && isFenceFailure(failed.error)) throw lockLost(url.display);
  }

  async function runAll(steps: readonly SqliteStatement[], limitMs: number): Promise<readonly HranaRows[]> {
    const results = await send(steps, limitMs);
    return results.map((result, index) => rowsOf(result, { statement: steps[index]?.text, index }));
  }

  function rowsOf(result: HranaResult | null | undefined, place: Omit<FailurePlace, "url"> = {}): HranaRows {
    if (result && "rows" in result) return result;
    const { error, code } = result ?? { error: "the server left it out", code: null };
    throw engineFailure({ url: url.display, ...place }, error, code);
  }
}

/** A statement of a batch; those that are not of its author have no index. */
interface Step extends SqliteStatement {
  readonly index?: number | null;
}

interface Batch {
  readonly statements: readonly SqliteStatement[];
  readonly mode: WriteMode;
  readonly opening?: SqliteStatement | undefined;
  readonly closing?: SqliteStatement | undefined;
}

function isLockLost(error: unknown): boolean {
  return error instanceof HarborError && error.code === "lock_lost";
}

/**
 * Returns a statement that fails when more rows refer to nothing than `before`. SQLite lets an expression fail with
 * words of our own only through the message for a JSON path that it cannot read.
 */
function danglingGuard(before: number): SqliteStatement {
  return {
    text:
      `SELECT CASE WHEN sum(n) > ? THEN json_extract('{}', 'harbor_dangling ' || group_concat(words, ', ')) END
FROM (SELECT count(*) AS n, "table" || ' to ' || parent || ': ' || count(*) AS words
FROM pragma_foreign_key_check GROUP BY "table", parent)`,
    values: [BigInt(before)],
  };
}

/** A statement of the driver's own. */
function own(text: string): SqliteStatement {
  return { text, values: [] };
}
