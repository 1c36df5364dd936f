import {
  type Batch,
  BatchCond,
  type BatchStep,
  openHttp,
  ResponseError,
  type Stream,
  type Value,
} from "@libsql/hrana-client";
import { fetchOnce, HranaFailure } from "./hrana_fetch.ts";
import type { SqliteStatement, SqliteValue } from "../sqlite/connection/statement.ts";

export interface HranaStep extends SqliteStatement {
  /** `always` runs whatever happened before; `unless` runs when the step at that place did not succeed. */
  readonly when?: "always" | { readonly unless: number };
  /** Whether its rows are wanted. */
  readonly readsRows?: boolean;
}

/** What a step returned. */
export interface HranaRows {
  readonly names: readonly string[];
  /** As lists, integers as `bigint`. */
  readonly rows: readonly (readonly SqliteValue[])[];
  /** Rows changed. */
  readonly changed: number;
}

/** What the engine said to one step. */
export interface HranaError {
  readonly error: string;
  /** `SQLITE_BUSY`, `TRANSACTION_TIMEOUT`, …; not every error has one. */
  readonly code: string | null;
}

/** `null` where a step was left out because the one before it failed. */
export type HranaResult = HranaRows | HranaError | null;

/** Where a libSQL server is, and how long one answer of it may take. */
export interface HranaServer {
  /** An `http:` or `https:` URL. */
  readonly url: string;
  readonly authToken: string | undefined;
}

/**
 * A connection on the server that lasts from one request to the next, with the transaction that was begun on it. The
 * server closes it when nothing is asked for ten seconds.
 */
export interface HranaStream {
  /**
   * Runs a list of steps in one request and returns a result for each, or a single one for the request as a whole
   * when it failed (the connection expired, say). A step without `when` runs only after one that succeeded.
   *
   * @throws {HranaFailure} when there is no answer, or none that can be used
   */
  run(steps: readonly HranaStep[]): Promise<readonly HranaResult[]>;
  /** As {@link HranaStream.run}, and closes the connection with the same request. */
  end(steps: readonly HranaStep[]): Promise<readonly HranaResult[]>;
  /** Closes the connection without waiting for the server's answer. */
  close(): void;
}

/**
 * Opens a connection to a libSQL server, in Hrana over HTTP; the server hears of it with the first request.
 *
 * @throws {HranaFailure} when the token is none that HTTP can carry
 */
export function openHranaStream({ url, authToken }: HranaServer, limitMs: number): HranaStream {
  refuseToken(authToken);
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  const client = openHttp(base, authToken, fetchOnce(base.protocol, limitMs));
  client.intMode = "bigint";
  const stream = client.openStream();
  return {
    run: (steps) => runBatch(stream, steps),
    end(steps) {
      const results = runBatch(stream, steps);
      stream.closeGracefully();
      return results;
    },
    close: () => stream.close(),
  };
}

/** Runs a list of steps in one request, on a connection of their own. See {@link HranaStream.run}. */
export async function runHrana(
  server: HranaServer,
  steps: readonly HranaStep[],
  limitMs: number,
): Promise<readonly HranaResult[]> {
  return await openHranaStream(server, limitMs).end(steps);
}

async function runBatch(stream: Stream, steps: readonly HranaStep[]): Promise<readonly HranaResult[]> {
  // Not with a cursor: that is for version 3 of the protocol, which the library finds out about by asking.
  const batch = stream.batch(false);
  const added: BatchStep[] = [];
  // Each promise is settled here: one that nobody awaits would end the process when the server takes the lock away.
  const settled = steps.map((step) => addStep(batch, added, step).catch(failureOf));
  try {
    // When this fails, the steps' own promises never settle.
    await batch.execute();
  } catch (error) {
    // The connection failed as a whole, so its transaction is gone.
    return [orThrow(failureOf(error))];
  }
  const results = (await Promise.all(settled)).map(orThrow);
  refuseGap(steps, results);
  return results;
}

async function addStep(batch: Batch, added: BatchStep[], step: HranaStep): Promise<HranaResult> {
  const next = batch.step();
  const { when, text, values, readsRows = false } = step;
  const last = added.at(-1);
  added.push(next);
  if (typeof when === "object") next.condition(BatchCond.not(BatchCond.ok(added[when.unless]!)));
  else if (when !== "always" && last !== undefined) next.condition(BatchCond.ok(last));
  if (!readsRows) {
    const result = await next.run([text, [...values]]);
    return result === undefined ? null : { names: [], rows: [], changed: result.affectedRowCount };
  }
  const result = await next.query([text, [...values]]);
  if (result === undefined) return null;
  const names = result.columnNames.map((name) => name ?? "");
  if (result.rows.some((row) => row.length !== names.length)) throw unusable();
  // The library's rows go by their names, of which two may be the same.
  const rows = result.rows.map((row) => names.map((_, place) => valueOf(row[place]!)));
  return { names, rows, changed: result.affectedRowCount };
}

function valueOf(value: Value): SqliteValue {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}

function failureOf(error: unknown): HranaError | HranaFailure {
  if (error instanceof HranaFailure) return error;
  if (!(error instanceof ResponseError)) return unusable(error);
  return {
    error: error.message.replace(/^(SQLite|SQL input) error: | \(at offset \d+\)$/g, ""),
    code: error.code ?? null,
  };
}

function orThrow(result: HranaResult | HranaFailure): HranaResult {
  if (result instanceof HranaFailure) throw result;
  return result;
}

/** Refuses an answer that lacks the result of a step which was not left out: no step before it failed. */
function refuseGap(steps: readonly HranaStep[], results: readonly HranaResult[]): void {
  const place = results.findIndex((result, index) =>
    result === null ? typeof steps[index]!.when !== "object" : "error" in result
  );
  if (results[place] === null) throw unusable();
}

function unusable(cause?: unknown): HranaFailure {
  return new HranaFailure("unusable", "the answer is not that of a libSQL server", { cause });
}

function refuseToken(authToken: string | undefined): void {
  try {
    new Headers({ authorization: `Bearer ${authToken}` });
  } catch {
    // The runtime's own error repeats the token.
    throw new HranaFailure("token", "the token holds characters that HTTP does not carry");
  }
}
