import { counted } from "../../../base/quantity.ts";
import { firstLine } from "../../../sql/first_line.ts";
import type { SQL } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import { HarborError } from "../../../base/errors.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { withoutOwnSchema } from "../../../sql/own/schema.ts";
import { countStatements } from "../../../history/scripts/script.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";

/** What SQLite can hold. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

/** One statement as the engine takes it. */
export interface SqliteStatement {
  readonly text: string;
  readonly values: readonly SqliteValue[];
}

/** Returns a statement of the driver's own. */
export function own(text: string): SqliteStatement {
  return { text, values: [] };
}

/** The statement's first word in upper case, past any comments. */
export function verbOf(text: string): string {
  return /^(?:\s+|--.*|\/\*[^]*?\*\/)*(\w*)/.exec(text)![1]!.toUpperCase();
}

/**
 * Refuses what would end the transaction that a batch runs in, and so commit a part of it.
 *
 * @throws {HarborError} `statement_failed`
 */
export function refuseTransactionControl(statements: readonly SqliteStatement[]): void {
  const index = statements.findIndex((statement) => transactionVerbs.includes(verbOf(statement.text)));
  const statement = statements[index]?.text;
  if (statement === undefined) return;
  throw new HarborError(
    "statement_failed",
    `Cannot run "${firstLine(statement)}"`,
    {
      state: "the batch is a transaction itself",
      hint: "Remove the statement: every script runs in a transaction already.",
      details: { statement, index },
    },
  );
}

// What SQLiteSyncDialect passes to `toQuery`. Importing it would load all of drizzle-orm's column types at start-up.
const spelling: Parameters<SQL["toQuery"]>[0] = {
  casing: new CasingCache(),
  escapeName: quoteName,
  escapeParam: () => "?",
  escapeString: quoteText,
};

/**
 * Compiles drizzle-orm's template for SQLite.
 *
 * @throws {HarborError} `statement_failed` unless it is exactly one statement: SQLite runs the first one of a text and
 * ignores the rest without a word; `internal` for a parameter of a type that SQLite does not have
 */
export function compile(statement: SQL): SqliteStatement {
  const { sql: marked, params } = statement.toQuery(spelling);
  // A file has one schema, and whatever is attached to it is not ours.
  const text = withoutOwnSchema(marked);
  refuseUnlessOne(text);
  return { text, values: params.map(bindable) };
}

const transactionVerbs = ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];
const writingVerbs = [
  ...transactionVerbs,
  ...["CREATE", "ALTER", "DROP", "VACUUM", "REINDEX", "ANALYZE", "ATTACH", "DETACH"],
];

/**
 * As {@link compile}, for a statement that changes nothing. A libSQL server has no read-only connections to refuse it.
 *
 * @throws {HarborError} `read_only` when the statement would change the database
 */
export function compileRead(statement: SQL): SqliteStatement {
  const compiled = compile(statement);
  const { text } = compiled;
  // Most reads hold none of the words, and then need no closer look.
  if (verbOf(text) === "SELECT" && !/\b(?:insert|update|delete|into)\b/i.test(text)) return compiled;
  // Values are bound, so these words can only be what they say; as a name they would be quoted.
  const tokens = tokensOf(text, "sqlite");
  const has = (...words: string[]) => tokens.some((token) => words.some((word) => isWord(token, word)));
  const verb = verbOf(text);
  // A pragma does what it does when it is compiled, also behind EXPLAIN; all else is only explained.
  const isWriting = verb === "EXPLAIN"
    ? has("PRAGMA")
    : verb === "PRAGMA"
    ? tokens.some((token) => token.kind === "sign" && token.text === "=")
    : has("INSERT", "UPDATE", "DELETE", "INTO") || writingVerbs.includes(verb);
  if (!isWriting) return compiled;
  throw new HarborError("read_only", `Cannot read with "${firstLine(text)}": it would change the database`, {
    details: { statement: text },
  });
}

/** Returns an integer as a plain number where that loses nothing, and a `bigint` beyond 2^53. */
export function exactInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Returns a row as the engine gives it, integers as `bigint`, as a plain object with {@link exactInteger} numbers. */
export function plainRow<Row>(row: object): Row {
  // A row of the runtime may have no prototype; and few of its values are integers.
  const plain: Record<string, unknown> = { ...row };
  for (const name in plain) {
    const value = plain[name];
    if (typeof value === "bigint") plain[name] = exactInteger(value);
  }
  return plain as Row;
}

function refuseUnlessOne(text: string): void {
  // Most texts hold no comment, and a separator at their end only, and then need no closer look.
  if (/^\s*[^;\s][^;]*;?\s*$/.test(text) && !/--|\/\*/.test(text)) return;
  const count = countStatements(text, "sqlite");
  if (count === 1) return;
  throw new HarborError(
    "statement_failed",
    `Cannot run "${firstLine(text)}"`,
    {
      state: `the text holds ${count === 0 ? "no statement" : counted(count, "statement")}`,
      hint: 'Put a line "--> statement-breakpoint" between two statements.',
      details: { statement: text },
    },
  );
}

/** A whole number is bound as an integer on every driver: some would make a floating-point number of it. */
function bindable(value: unknown): SqliteValue {
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "boolean":
      return value ? 1n : 0n;
    case "bigint":
    case "string":
      return value;
  }
  if (value === null || value instanceof Uint8Array) return value;
  throw new HarborError("internal", `Cannot bind a parameter: SQLite has no type for "${typeof value}"`);
}
