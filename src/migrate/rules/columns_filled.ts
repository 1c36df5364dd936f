import type { Dialect } from "../../base/dialect.ts";
import type { Demand } from "./row_demands.ts";
import { commaParts, tokensOf, topLevel } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";

/** What scripts do about rows. Columns are written `table.column`, and `table.*` where rows themselves go. */
export interface Settled {
  /** Columns that get a value where they have none. */
  readonly filled: ReadonlySet<string>;
  /** Columns whose values change otherwise: nothing can be said about them before. */
  readonly rewritten: ReadonlySet<string>;
}

/** Reads out of statements which columns they give values to. */
export function settledBy(statements: readonly string[], dialect: Dialect): Settled {
  const filled = new Set<string>();
  const rewritten = new Set<string>();
  for (const sql of statements) {
    const tokens = tokensOf(sql, dialect);
    const [first, second, third] = tokens;
    if (isWord(first, "UPDATE")) {
      const columns = assigned(tokens).map((column) => `${nameOf(second)}.${column}`);
      const target = columns.length === 1 && fillsOnly(tokens) ? filled : rewritten;
      columns.forEach((column) => target.add(column));
    } else if (isWord(first, "DELETE")) rewritten.add(`${nameOf(third)}.*`);
    else if (isWord(first, "INSERT")) {
      const copy = copied(tokens);
      copy?.filled.forEach((column) => filled.add(`${copy.table}.${column}`));
      copy?.rewritten.forEach((column) => rewritten.add(`${copy.table}.${column}`));
    }
  }
  return { filled, rewritten };
}

/** Returns the demands that no script sees to. */
export function unsettled(demands: readonly Demand[], { filled, rewritten }: Settled): readonly Demand[] {
  return demands.filter(({ kind, table, columns }) => {
    const names = columns.map((column) => `${table}.${column}`);
    return !rewritten.has(`${table}.*`) && !names.some((name) => rewritten.has(name)) &&
      !(kind === "null" && names.some((name) => filled.has(name)));
  });
}

/** The columns behind SET. */
function assigned(tokens: readonly Token[]): readonly string[] {
  const outer = topLevel(tokens);
  const from = outer.findIndex((token) => isWord(token, "SET"));
  const where = outer.findIndex((token) => isWord(token, "WHERE"));
  const list = outer.slice(from + 1, where < 0 ? undefined : where);
  return list.flatMap((token, place) => {
    const isFirst = place === 0 || list[place - 1]!.text === ",";
    return isFirst && list[place + 1]?.text === "=" ? [nameOf(token) ?? ""] : [];
  });
}

/** `… WHERE "column" IS NULL`. */
function fillsOnly(tokens: readonly Token[]): boolean {
  const where = tokens.findIndex((token) => isWord(token, "WHERE"));
  const condition = tokens.slice(where + 1).filter((token) => token.text !== ";");
  return where >= 0 && condition.length === 3 && isWord(condition[1], "IS") && isWord(condition[2], "NULL");
}

/** `INSERT INTO "__new_table" ("a", "b") SELECT "a", coalesce("b", …) FROM "table"`, which is a table's copy. */
function copied(tokens: readonly Token[]) {
  const outer = topLevel(tokens);
  const select = tokens.findIndex((token) => isWord(token, "SELECT"));
  const from = outer.findIndex((token) => isWord(token, "FROM"));
  if (select < 0 || from < 0) return null;
  const table = nameOf(outer[from + 1]);
  const columns = tokens.slice(0, select).filter((token) => token.kind === "name").map(nameOf).slice(1);
  const values = commaParts(tokens.slice(select + 1, tokens.indexOf(outer[from]!)));
  const filled: string[] = [];
  const rewritten: string[] = outer.slice(from).some((token) => isWord(token, "WHERE")) ? ["*"] : [];
  values.forEach((value, place) => {
    const column = columns[place] ?? "";
    if (value.length === 1) return;
    const isFilled = isWord(value[0], "COALESCE") && nameOf(value[2]) === column;
    (isFilled ? filled : rewritten).push(column);
  });
  return { table, filled, rewritten };
}
