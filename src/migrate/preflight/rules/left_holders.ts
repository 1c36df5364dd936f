import { foldName } from "../../../base/fold_name.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { Passage } from "../../rules/origins.ts";
import type { OtherObject } from "../../../schema/snapshot.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { codeStatements } from "../../../sql/made_names.ts";
import { runsOtherCode } from "./other_code.ts";

/** What holds columns fast. */
export interface Holder {
  readonly object: OtherObject;
  /** What it may be called behind the statements so far, in small letters. */
  readonly names: readonly string[];
}

/** Returns what holds columns in a live schema. */
export function holdersIn(others: readonly OtherObject[]): readonly Holder[] {
  return others.filter(({ holds }) => holds !== undefined)
    .map((object) => ({ object, names: [foldName(object.name)] }));
}

/**
 * Returns the holders that are there behind a statement of PostgreSQL's. What it drops or makes anew is not, nor what it may
 * drop as far as its text tells: which of two things with one name it means, or what code does that does not stand in it.
 */
export function leftHolders(holders: readonly Holder[], sql: string): readonly Holder[] {
  if (holders.length === 0) return holders;
  return runsOtherCode(sql) ? [] : codeStatements(sql, "postgresql").reduce(behind, holders);
}

/** What names the making of what holds columns, or code that may. On SQLite nothing does whose columns are known beforehand. */
const making: Readonly<Record<Dialect, RegExp>> = {
  sqlite: /(?!)/,
  postgresql: /\b(?:view|trigger|policy|do|call)\b/i,
};

/** Whether a step may make what holds columns. */
export function mayMakeHolders({ statements, before }: Passage): boolean {
  return statements.some((sql) => making[before.dialect].test(sql));
}

function behind(holders: readonly Holder[], tokens: readonly Token[]): readonly Holder[] {
  const cursor = cursorAt(tokens);
  if (cursor.take("CREATE", "OR", "REPLACE")) {
    cursor.seek("VIEW", "TRIGGER", "FUNCTION", "PROCEDURE");
    const made = new Set([foldName(cursor.name())]);
    return holders.filter((holder) => !isOneOf(holder, made));
  }
  const isDropped = cursor.take("DROP");
  if (!isDropped && !cursor.take("ALTER")) return holders;
  const named = namesOf(tokens.slice(2));
  const to = tokens.findIndex((token, at) => isWord(token, "TO") && isWord(tokens[at - 1], "RENAME"));
  if (!isDropped && to > 0) {
    const name = foldName(nameOf(tokens[to + 1]) ?? "");
    return holders.map((each) => isOneOf(each, named) ? { ...each, names: [...each.names, name] } : each);
  }
  const goesItself = ({ object, names }: Holder) =>
    isWord(tokens[1], "TABLE") ? named.has(foldName(object.table ?? "")) : isOneOf({ object, names }, named);
  const left = isDropped ? holders.filter((holder) => !goesItself(holder)) : holders;
  // ON DELETE CASCADE takes along rows.
  const isCascade = tokens.some((token, at) =>
    isWord(token, "CASCADE") && !isWord(tokens[at - 1], "DELETE") && !isWord(tokens[at - 1], "UPDATE")
  );
  if (isDropped && isWord(tokens[1], "OWNED")) return [];
  return isCascade ? withoutUsers(left, named, tokens[1]) : left;
}

/** Returns what is left where all goes that uses what is named. The text of a view names tables and views, not the types of their columns. */
function withoutUsers(
  holders: readonly Holder[],
  named: ReadonlySet<string>,
  kind: Token | undefined,
): readonly Holder[] {
  if (!kindsInTexts.some((word) => isWord(kind, word))) return [];
  const left = holders.filter(({ object: { sql } }) =>
    [...namesOf(tokensOf(sql ?? "", "postgresql"))].every((name) => !named.has(name))
  );
  if (left.length === holders.length) return left;
  const gone = holders.filter((holder) => !left.includes(holder)).flatMap(({ names }) => names);
  return withoutUsers(left, new Set(gone.flatMap((name) => [name, lastPart(name)])), kind);
}

const kindsInTexts = ["TABLE", "VIEW", "MATERIALIZED", "FUNCTION", "ROUTINE"];

function isOneOf({ names }: Holder, named: ReadonlySet<string>): boolean {
  return names.some((name) => named.has(name) || named.has(lastPart(name)));
}

/** Returns a name without its schema, or what may be one. */
function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

function namesOf(tokens: readonly Token[]): ReadonlySet<string> {
  return new Set(tokens.map(nameOf).filter((name) => name !== null).map(foldName));
}
