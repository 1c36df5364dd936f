import { Buffer } from "node:buffer";
import { exactInteger, type SqliteStatement, type SqliteValue } from "../sqlite/statement.ts";

export interface HranaStep extends SqliteStatement {
  /** `always` runs whatever happened before; `unless` runs when the step at that place did not succeed. */
  readonly when?: "always" | { readonly unless: number };
}

export interface HranaRows {
  readonly rows: readonly Record<string, unknown>[];
  /** Rows changed. */
  readonly changed: number;
}

/** The rows of one step as lists, integers as `bigint`. */
export interface HranaLists {
  readonly rows: readonly (readonly SqliteValue[])[];
}

/** What the engine said to one step. */
export interface HranaError {
  readonly error: string;
  /** `SQLITE_BUSY`, `TRANSACTION_TIMEOUT`, …; not every error has one. */
  readonly code: string | null;
}

/** A request without an answer that can be used. */
export class HranaFailure extends Error {
  override readonly name = "HranaFailure";
  /** HTTP's status; `null` when no answer came. */
  readonly status: number | null;
  /** Whether it is certain that the server has not seen the request. */
  readonly isUnsent: boolean;

  constructor(
    message: string,
    options: { readonly status?: number; readonly isUnsent?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = options.status ?? null;
    this.isUnsent = options.isUnsent ?? false;
  }
}

export function encodeStep(step: HranaStep, index: number): unknown {
  const { text, values, when } = step;
  const stmt = { sql: text, args: values.map(encodeValue), want_rows: true };
  if (when === "always" || index === 0) return { stmt };
  if (when !== undefined) {
    return { stmt, condition: { type: "not", cond: { type: "ok", step: when.unless } } };
  }
  return { stmt, condition: { type: "ok", step: index - 1 } };
}

function encodeValue(value: SqliteValue): unknown {
  if (value === null) return { type: "null" };
  if (typeof value === "bigint") return { type: "integer", value: String(value) };
  if (typeof value === "number") return { type: "float", value };
  if (typeof value === "string") return { type: "text", value };
  return { type: "blob", base64: Buffer.from(value).toString("base64") };
}

/** The parts of an answer that are used; anything else may be there. */
export interface Answer {
  readonly baton?: string | null;
  readonly base_url?: string | null;
  readonly results?: readonly {
    readonly error?: { readonly message?: string; readonly code?: string | null };
    readonly response?: { readonly result?: BatchResult };
  }[];
}

interface BatchResult {
  readonly step_results: readonly ({
    readonly cols: readonly { readonly name: string | null }[];
    readonly rows: readonly (readonly WireValue[])[];
    readonly affected_row_count: number;
  } | null)[];
  readonly step_errors: readonly ({ readonly message: string; readonly code?: string | null } | null)[];
}

interface WireValue {
  readonly type: string;
  readonly value?: unknown;
  readonly base64?: string;
}

/** The rows of one step as lists, with what else the server tells. */
interface DecodedRows extends HranaLists {
  readonly names: readonly string[];
  readonly changed: number;
}

export function decodeResults(answer: Answer, count: number): readonly (DecodedRows | HranaError | null)[] {
  const first = answer.results?.[0];
  if (first?.error !== undefined) {
    // The stream failed as a whole (it expired, say), so its transaction is gone.
    return [{ error: first.error.message ?? "the server gave no reason", code: first.error.code ?? null }];
  }
  const batch = first?.response?.result;
  if (batch?.step_results.length !== count) {
    throw new HranaFailure("the answer is not that of a libSQL server");
  }
  return batch.step_results.map((result, index) => {
    const error = batch.step_errors[index];
    if (error) {
      return {
        error: error.message.replace(/^(SQLite|SQL input) error: | \(at offset \d+\)$/g, ""),
        code: error.code ?? null,
      };
    }
    if (result === null) return null;
    return {
      names: result.cols.map((column) => column.name ?? ""),
      rows: result.rows.map((row) => row.map(decodeValue)),
      changed: result.affected_row_count,
    };
  });
}

export function withNames({ names, rows, changed }: DecodedRows): HranaRows {
  const plain = (value: SqliteValue) => typeof value === "bigint" ? exactInteger(value) : value;
  return {
    rows: rows.map((row) => Object.fromEntries(row.map((value, place) => [names[place]!, plain(value)]))),
    changed,
  };
}

export function parseAnswer(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (error) {
    throw new HranaFailure("the answer is not that of a libSQL server", { cause: error });
  }
}

function decodeValue({ type, value, base64 }: WireValue): SqliteValue {
  if (type === "integer") return BigInt(String(value));
  if (type === "blob") return new Uint8Array(Buffer.from(base64 ?? "", "base64"));
  if (type === "text") return String(value);
  // JSON has no infinite numbers; the server sends null for both of them.
  if (type === "float" && typeof value !== "number") {
    throw new HranaFailure("the server cannot send an infinite number");
  }
  return typeof value === "number" ? value : null;
}
