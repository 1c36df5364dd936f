import { firstLine } from "../../sql/first_line.ts";
import type { LibsqlUrl } from "../../base/url/libsql_url.ts";
import { HarborError } from "../../base/errors.ts";
import { type HranaResult, type HranaRows, type HranaStep, runHrana } from "./hrana.ts";
import { HranaFailure } from "./hrana_fetch.ts";
import { connectionFailure, engineFailure } from "./errors.ts";
import { exactInteger, own, type SqliteStatement, type SqliteValue } from "../sqlite/connection/statement.ts";
import {
  begin,
  ofBatch,
  type SqliteBatch,
  type Step,
  transactionOf,
} from "../sqlite/transaction/transaction.ts";

/** Milliseconds for one answer: a read's and a batch's. A server that died must not hold us for ever. */
const limits = { read: 120_000, write: 600_000 };

/** A row with its columns' names, integers as plain numbers where that loses nothing. */
type NamedRow = Readonly<Record<string, unknown>>;

/**
 * What is asked of a libSQL server: one request each, sent once, with a connection of its own on the server, so that
 * nothing has to be kept open. `stateOf` an error says what is known of the request.
 */
export interface LibsqlRequests {
  /** Reads with statements that see the same state, and returns the rows of each. */
  read(statements: readonly SqliteStatement[], limitMs?: number): Promise<readonly (readonly NamedRow[])[]>;
  /** Runs a transaction and returns how many rows each statement of the batch changed. */
  transact(batch: SqliteBatch): Promise<number[]>;
  /** Runs a transaction, then queries in it, whose rows it returns; and rolls back. */
  rehearse(batch: SqliteBatch, queries: readonly string[]): Promise<readonly (readonly NamedRow[])[]>;
  /** Runs a statement outside any transaction and returns how many rows it changed. */
  run(step: Step): Promise<number>;
  /** Milliseconds that the way there and back takes at least. */
  quickestMs(): number;
}

/** Returns the requests to the server at a URL; asks nothing yet. */
export function openRequests(url: LibsqlUrl): LibsqlRequests {
  let quickestMs = Infinity;

  async function send(
    steps: readonly (Step & HranaStep)[],
    limitMs: number,
  ): Promise<readonly HranaResult[]> {
    steps.forEach(refuseUnsendable);
    const began = performance.now();
    try {
      const results = await runHrana(url, steps, limitMs);
      quickestMs = Math.min(quickestMs, performance.now() - began);
      return results;
    } catch (error) {
      throw error instanceof HranaFailure ? connectionFailure(url.display, error, onlyQuery(steps)) : error;
    }
  }

  /** Returns the rows of steps that have to have run. */
  function ranOf(steps: readonly Step[], results: readonly HranaResult[]): readonly HranaRows[] {
    return steps.map((step, place) => {
      const result = results[place];
      if (result && "rows" in result) return result;
      throw engineFailure(url.display, step, result ?? { error: "the server left it out", code: null });
    });
  }

  async function read(statements: readonly SqliteStatement[], limitMs = limits.read) {
    const asked = statements.map((statement, index) => ({ ...statement, index, readsRows: true }));
    const steps = asked.length === 1 ? asked : [own("BEGIN"), ...asked, own("COMMIT")];
    return ofBatch(steps, ranOf(steps, await send(steps, limitMs))).map(namedRows);
  }

  /** Returns what goes before the end of a transaction. */
  async function stepsOf({ before, questions, steps }: ReturnType<typeof transactionOf>) {
    const answers = questions.length === 0 ? [] : await read(questions);
    return [before, begin, ...steps(answers)];
  }

  return {
    read,
    async transact(batch) {
      const transaction = transactionOf(batch);
      const steps = [...await stepsOf(transaction), ...transaction.closing, own("COMMIT")];
      const results = await send([
        ...steps,
        { ...own("ROLLBACK"), when: { unless: steps.length - 1 } },
        { ...transaction.after, when: "always" },
      ], limits.write);
      return ofBatch(steps, ranOf(steps, results)).map(({ changed }) => changed);
    },
    async rehearse(batch, queries) {
      const transaction = transactionOf(batch);
      const steps = await stepsOf(transaction);
      const looks = queries.map((text) => ({ ...own(text), readsRows: true }));
      const results = await send([
        ...steps,
        ...looks,
        { ...own("ROLLBACK"), when: "always" },
        { ...transaction.after, when: "always" },
      ], limits.write);
      return ranOf([...steps, ...looks], results).slice(steps.length).map(namedRows);
    },
    async run(step) {
      const [result] = ranOf([step], await send([step], limits.write));
      return result!.changed;
    },
    quickestMs: () => quickestMs,
  };
}

function onlyQuery(steps: readonly HranaStep[]): string | undefined {
  const queries = steps.filter(({ readsRows }) => readsRows);
  return queries.length === 1 ? queries[0]!.text : undefined;
}

function namedRows({ names, rows }: HranaRows): readonly NamedRow[] {
  const plain = (value: SqliteValue) => typeof value === "bigint" ? exactInteger(value) : value;
  return rows.map((row) => Object.fromEntries(row.map((value, place) => [names[place]!, plain(value)])));
}

/** Refuses what the protocol has no form for. */
function refuseUnsendable({ text, values, index }: Step): void {
  const odd = values.find((value) =>
    typeof value === "number" ? !Number.isFinite(value) : typeof value === "string" && !value.isWellFormed()
  );
  if (odd === undefined) return;
  const what = typeof odd === "number" ? "an infinite number" : "a text that ends within a character";
  throw new HarborError(
    "statement_failed",
    `Cannot run "${firstLine(text)}": a libSQL server cannot be sent ${what}`,
    {
      hint: "Write another value there.",
      details: { statement: text, ...(typeof index === "number" ? { index } : {}) },
    },
  );
}
