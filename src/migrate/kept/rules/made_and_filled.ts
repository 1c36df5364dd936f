import type { Dialect } from "../../../base/dialect.ts";
import { isSameName } from "../../../base/fold_name.ts";
import { commaParts, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import type { Effect } from "../../rules/effects/effect.ts";
import { effectsOf } from "../../rules/statement_effects.ts";

interface Wanted {
  readonly table: string;
  readonly columns: readonly { readonly name: string }[];
}

/** Says whether statements make any table for certain: else {@link isMadeAndFilled} is true of none. */
export function isAnyMade(statements: readonly string[], dialect: Dialect): boolean {
  return statements.some((sql) => effectsOf(sql, dialect).some(isMake));
}

function isMake(effect: Effect): effect is Extract<Effect, { kind: "make" }> {
  return effect.kind === "make" && effect.isCertain;
}

/** Says whether statements make a table, with these columns as far as their text tells, and may put rows into it. */
export function isMadeAndFilled(
  statements: readonly string[],
  { table, columns }: Wanted,
  dialect: Dialect,
): boolean {
  const found = statements.flatMap((sql) => effectsOf(sql, dialect).map((effect) => ({ sql, effect })));
  const made = found.findIndex(({ effect }) => isMake(effect) && isSameName(dialect, effect.table, table));
  if (made < 0) return false;
  const declared = declaredColumns(found[made]!.sql, dialect);
  const after = found.slice(made + 1).map(({ effect }) => effect);
  const isOf = (effect: Effect) => "table" in effect && isSameName(dialect, effect.table, table);
  return columns.every(({ name }) => declared.some((each) => isSameName(dialect, each, name))) &&
    after.every((effect) => !isOf(effect) || leavesColumns.has(effect.kind)) &&
    after.some((effect) => effect.kind === "hidden" || (isOf(effect) && fills.has(effect.kind)));
}

const fills: ReadonlySet<Effect["kind"]> = new Set(["copy", "more rows", "write"]);
const leavesColumns: ReadonlySet<Effect["kind"]> = new Set([...fills, "fewer rows", "add column"]);

/** Returns the columns that `CREATE TABLE t (…)` declares. */
function declaredColumns(sql: string, dialect: Dialect): readonly string[] {
  const tokens = tokensOf(sql, dialect);
  const open = tokens.findIndex(({ text }) => text === "(");
  const close = tokens.findLastIndex(({ text }) => text === ")");
  return open < 0
    ? []
    : commaParts(tokens.slice(open + 1, close)).flatMap(([first]) =>
      first === undefined || constraints.some((word) => isWord(first, word)) ? [] : nameOf(first) ?? []
    );
}

const constraints = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE"];
