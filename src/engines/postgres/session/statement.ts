import { firstLine } from "../../../sql/first_line.ts";
import type { SQL } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import { HarborError } from "../../../base/errors.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { ownSchemaMark } from "../../../sql/own/schema.ts";
import { inPlace, type Place } from "../catalogs/place.ts";
import { UserStatement } from "../../statement_names.ts";

/** As many as the protocol's 16-bit count allows with what postgres.js keeps for itself. */
const mostParameters = 65_533;

/** One statement as the server takes it. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
  /**
   * What is sent in the place of the text: with its parameters written out, where that means the same. postgres.js asks the server for the types of
   * parameters first, and sends nothing else meanwhile.
   */
  readonly written?: string;
  /** Whether its names are looked up on the user's search path, and not on our own. */
  readonly asUser?: boolean;
  /** Whether it names tables, ours or the user's, and not only catalogs. */
  readonly readsTables?: boolean;
}

// What PgDialect passes to `toQuery`. Importing it would load all of drizzle-orm's column types, twice the rest of
// what this driver needs at start-up.
const spelling: Parameters<SQL["toQuery"]>[0] = {
  casing: new CasingCache(),
  escapeName: quoteName,
  escapeParam: (index) => `$${index + 1}`,
  escapeString: quoteText,
};

/** Returns the text of a statement, its marks in it. */
export function textOf(statement: SQL): string {
  return statement.toQuery(spelling).sql;
}

const spelledOut: typeof spelling = { ...spelling, escapeParam: (_, value) => quoteValue(value) };

/**
 * Compiles drizzle-orm's template for PostgreSQL: `$1` parameters, names in double quotes.
 */
export function compile(statement: SQL, place: Place): Statement {
  const { sql: marked, params } = statement.toQuery(spelling);
  const sql = inPlace(marked, place);
  // postgres.js would blame another statement that is under way on the same connection.
  if (params.includes(undefined) || params.length > mostParameters) {
    const state = params.length > mostParameters
      ? `it has ${params.length} parameters`
      : "a parameter is undefined";
    throw new HarborError("internal", `Cannot run "${excerpt(sql)}": ${state}`);
  }
  const isPlain = params.length > 0 && params.every(isUntyped);
  return {
    text: sql,
    parameters: params,
    ...isPlain ? { written: inPlace(statement.toQuery(spelledOut).sql, place) } : {},
    asUser: statement instanceof UserStatement,
    readsTables: statement instanceof UserStatement || marked.includes(ownSchemaMark),
  };
}

/** Whether postgres.js leaves the type of a parameter to the server, as it is with a quoted text. */
function isUntyped(value: unknown): boolean {
  return value === null || typeof value === "string" || Number.isSafeInteger(value);
}

function quoteValue(value: unknown): string {
  if (value === null) return "NULL";
  const text = quoteText(String(value));
  // Whatever standard_conforming_strings says.
  return text.includes("\\") ? ` E${text.replaceAll("\\", "\\\\")}` : text;
}

/** Returns a text from its first word on: what stands before that are blanks, comments and empty statements. */
export function withoutLead(text: string): string {
  if (/^[a-z]/i.test(text)) return text;
  try {
    const first = tokensOf(text, "postgresql").find((token) => token.text !== ";");
    return first === undefined ? "" : text.slice(first.start);
  } catch {
    // What does not end is for the server to complain about.
    return text.trim();
  }
}

/** Returns a statement's first line for a message, see {@link firstLine}. */
export function excerpt(text: string): string {
  return firstLine(withoutLead(text));
}
