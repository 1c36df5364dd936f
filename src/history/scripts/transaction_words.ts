import type { Dialect } from "../../base/dialect.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { isWord, type Token } from "../../sql/lexer.ts";

/** A statement that begins or ends a transaction: one that stands for all of a script, or another. */
export type TransactionWord = "BEGIN" | "COMMIT" | "other";

/** Says whether a statement begins or ends a transaction; `null` when it does neither. */
export function transactionWord(statement: readonly Token[]): TransactionWord | null {
  const [first, second] = statement;
  const has = (token: Token | undefined, ...words: readonly string[]) =>
    words.some((word) => isWord(token, word));
  const isPlain = statement.length === 1 ||
    (statement.length === 2 && has(second, "TRANSACTION", "WORK", "IMMEDIATE", "EXCLUSIVE", "DEFERRED"));
  if (has(first, "BEGIN")) return isPlain ? "BEGIN" : "other";
  if (has(first, "COMMIT", "END")) return isPlain ? "COMMIT" : "other";
  if (has(first, "START") && has(second, "TRANSACTION")) return statement.length === 2 ? "BEGIN" : "other";
  const isOther = has(first, "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE") ||
    (has(first, "PREPARE") && has(second, "TRANSACTION"));
  return isOther ? "other" : null;
}

/**
 * Returns the word by which a `DO` of PostgreSQL's ends the transaction that it runs in; `null` without one. Whatever else its
 * body has may stand in a transaction.
 */
export function wordInside(statement: readonly Token[]): string | null {
  if (!isWord(statement[0], "DO")) return null;
  for (const { kind, text } of statement) {
    if (kind !== "string") continue;
    const tag = /^\$[^$]*\$/.exec(text)?.[0] ?? "'";
    const body = tokensOf(text.slice(tag.length, -tag.length), "postgresql");
    const found = body.find((token, at) =>
      (isWord(token, "COMMIT") || isWord(token, "ROLLBACK")) &&
      [";", ...followers].includes(body[at + 1]?.text.toUpperCase() ?? ";") &&
      (at === 0 || body[at - 1]!.text === ";" || beforeStatement.some((word) => isWord(body[at - 1], word)))
    );
    if (found !== undefined) return found.text.toUpperCase();
  }
  return null;
}

/** What stands behind `COMMIT`. */
const followers = ["AND", "WORK", "TRANSACTION"];
/** What a statement of PL/pgSQL stands behind. */
const beforeStatement = ["BEGIN", "THEN", "ELSE", "LOOP"];

/**
 * Says whether a script does the same in one transaction without its own words for that, so that they can be left out:
 *
 * - `BEGIN; …; COMMIT;` around all of it;
 * - `COMMIT; PRAGMA foreign_keys = OFF; BEGIN; …; COMMIT; PRAGMA foreign_keys = ON; BEGIN;`, which SQLite's need that run
 *   in the transaction of drizzle's migrator: harbor-db turns foreign keys off before its own;
 * - `…; BEGIN; …; COMMIT; …` on PostgreSQL, as often as it stands there, where no statement is of a kind to which the end of a
 *   transaction matters. What needs a commit all the same the server refuses, and with that all of the script.
 *
 * Whatever else would be committed in the middle, or stands outside of both, may depend on that.
 *
 * @param statements In order, each with its word or its text
 */
export function isOneTransaction(
  statements: readonly { readonly word: TransactionWord | null; readonly sql: string }[],
  dialect: Dialect,
): boolean {
  const form = statements.map(({ word, sql }) => word ?? (foreignKeys.test(sql) ? "PRAGMA" : "*")).join(" ");
  const { always, unlessBound } = forms[dialect];
  const isBound = statements.some(({ sql }) => boundToCommit.test(sql));
  return [...always, ...isBound ? [] : unlessBound].some((each) => each.test(form));
}

/**
 * Says whether a script of PostgreSQL's steps out of the transaction of drizzle's migrator, as one does for what can run in none:
 * `…; COMMIT; …`, with or without a `BEGIN` by which it steps back in. What stands outside is committed statement by statement.
 *
 * @param words Of each statement in order; `null` for one that neither begins nor ends a transaction
 */
export function stepsOut(words: readonly (TransactionWord | null)[], dialect: Dialect): boolean {
  return steppingOut[dialect]?.test(words.map((word) => word ?? "*").join(" ")) ?? false;
}

const steppingOut: Readonly<Record<Dialect, RegExp | null>> = {
  sqlite: null,
  postgresql: /^(?:\* )*COMMIT(?: \*)+(?: BEGIN(?: \*)* COMMIT(?: \*)+)*(?: BEGIN(?: \*)*)?$/,
};

const around = /^BEGIN(?: \*| PRAGMA)* COMMIT$/;

const pairs = /^(?:(?:\*|BEGIN(?: \*)* COMMIT)(?: |$))+$/;

/** What is over, or comes, when a transaction ends. */
const boundToCommit = /\b(?:ADD\s+VALUE|SET\s+LOCAL|SET\s+TRANSACTION|ON\s+COMMIT|DEFERRED|set_config)\b/i;

const within = /^COMMIT(?: PRAGMA)* BEGIN(?: \*| PRAGMA)* COMMIT(?: PRAGMA)* BEGIN$/;

const forms: Readonly<
  Record<Dialect, { readonly always: readonly RegExp[]; readonly unlessBound: readonly RegExp[] }>
> = {
  sqlite: { always: [around, within], unlessBound: [] },
  postgresql: { always: [around], unlessBound: [pairs] },
};

const foreignKeys = /^PRAGMA\s+(?:foreign_keys|defer_foreign_keys)\s*=\s*\w+$/i;
