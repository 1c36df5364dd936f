import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { tokensOf } from "../../sql/cursor.ts";
import type { Token } from "../../sql/lexer.ts";
import { lastingCall } from "../../sql/reach/server_reach.ts";

/** The file beside a history with the rules that a project has of its own. */
export const projectRulesPath = "rules.sql";

/** A query that must return no rows. */
export interface ProjectRule {
  readonly name: string;
  /** What is wrong with the rows that it returns: `orders that are paid and have no date`. */
  readonly words: string;
  readonly sql: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
}

/**
 * Reads a project's rules: above each query a line `-- rule NAME: WORDS`, or `-- rule NAME (sqlite): WORDS` for one that
 * is of a dialect alone.
 *
 * @throws {HarborError} `bad_script` for what is no query, more than one, or a name that stands twice
 */
export function readProjectRules(text: string, dialect: Dialect): readonly ProjectRule[] {
  const lines = text.split(/\r?\n/);
  const heads = lines.flatMap((line, at) => /^--\s*rule\b/.test(line) ? [at] : []);
  const fail = (at: number, state: string) =>
    new HarborError("bad_script", `Cannot read "${projectRulesPath}" line ${at + 1}`, {
      state,
      hint: "-- rule paid_has_date: orders that are paid and have no date",
      details: { path: projectRulesPath, line: at + 1 },
    });
  const stray = lines.slice(0, heads[0]).findIndex((line) => !/^\s*(?:--.*)?$/.test(line));
  if (stray >= 0) throw fail(stray, "no rule's name stands above it");
  const names = new Set<string>();
  return heads.flatMap((at, place) => {
    const [, name = "", only, words] =
      /^--\s*rule\s+([\w-]+)(?:\s*\((sqlite|postgresql)\))?\s*:\s*(\S.*?)\s*$/.exec(lines[at]!) ?? [];
    if (words === undefined) throw fail(at, "it is not a name, a colon and what is wrong");
    if (only !== undefined && only !== dialect) return [];
    if (names.has(name)) throw fail(at, `there is another rule "${name}"`);
    names.add(name);
    const written = lines.slice(at + 1, heads[place + 1]).join("\n");
    const sql = queryIn(written, dialect, (state) => fail(at, `the rule "${name}" ${state}`));
    return [{ name, words, sql, line: at + 1 }];
  });
}

/** Whether a token begins the place of a value: SQLite would take NULL for it. */
const isPlaceholder: Readonly<Record<Dialect, (token: Token) => boolean>> = {
  sqlite: ({ kind, text }) => (kind === "sign" || kind === "word") && /^[?:@$]/.test(text),
  postgresql: ({ kind, text }) => kind === "sign" && text === "$",
};

/** SQLite's functions only read; what a program adds to them, the binary does not have. */
const lastingCalls: Readonly<Record<Dialect, (query: string) => string | null>> = {
  sqlite: () => null,
  postgresql: lastingCall,
};

/**
 * Returns the one query of a text, without its semicolon. It runs as a part of another: what is one alone, and closes no
 * parenthesis but its own, can change nothing there.
 */
function queryIn(sql: string, dialect: Dialect, fail: (state: string) => HarborError): string {
  const all = (() => {
    try {
      return tokensOf(sql, dialect);
    } catch (error) {
      throw error instanceof HarborError ? fail(error.state) : error;
    }
  })();
  const end = all.at(-1)?.text === ";" ? all.at(-1)!.start : sql.length;
  const tokens = all.filter(({ start }) => start < end);
  const first = tokens[0]?.text.toUpperCase() ?? "";
  if (!["SELECT", "WITH", "VALUES"].includes(first)) throw fail("is no SELECT");
  if (tokens.some(({ kind, text }) => kind === "sign" && text === ";")) throw fail("has a second statement");
  let depth = 0;
  for (const { kind, text } of tokens) {
    if (kind === "sign") depth += text === "(" ? 1 : text === ")" ? -1 : 0;
    if (depth < 0) break;
  }
  if (depth !== 0) throw fail("has a parenthesis too many");
  if (tokens.some(isPlaceholder[dialect])) throw fail("has a placeholder, for which there is no value");
  const call = lastingCalls[dialect](sql);
  if (call !== null) throw fail(`calls ${call}, which does more than read`);
  return sql.slice(0, end).trim();
}
