import {
  type BridgeStatement,
  type BridgeSubject,
  columnsLeftAlone,
  guard,
  guardWords,
  step,
} from "./bridge_statement.ts";
import { printNames } from "../../schema/compare/names.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";
import { isSameExpression } from "../../schema/expressions/compare.ts";
import type { Table } from "../../schema/snapshot.ts";

/**
 * Completes the statements of a bridge on SQLite: each copied table keeps the constraints that drizzle-kit leaves out,
 * and is compared with its original, row by row, before that is dropped.
 */
export function completeSqliteBridge(
  statements: readonly string[],
  subject: BridgeSubject,
): readonly BridgeStatement[] {
  const tableOf = (name: string | undefined) => subject.live.tables.find((table) => table.name === name);
  return statements.flatMap((sql) => {
    const made = tableOf(/^CREATE TABLE `__new_([^`]+)`/.exec(sql)?.[1]);
    if (made !== undefined) return [step(withConstraints(sql, made, subject))];
    const copied = tableOf(/^INSERT INTO `__new_([^`]+)`/.exec(sql)?.[1]);
    return copied === undefined
      ? [step(sql)]
      : [step(sql), ...lastNumber(copied), copyGuard(copied, subject)];
  });
}

/** drizzle-kit leaves UNIQUE out of a copy, and gives every CHECK a name. */
function withConstraints(sql: string, { name, uniques, checks }: Table, { target }: BridgeSubject): string {
  const wanted = target.tables.find((table) => table.name === name);
  const isWanted = (expression: string) =>
    wanted?.checks.some((check) => isSameExpression(check.expression, expression, "sqlite")) ?? false;
  const isNew = (columns: readonly string[]) =>
    uniques.every((unique) => printNames(unique.columns) !== printNames(columns));
  const added = wanted?.uniques.filter(({ columns }) => isNew(columns)) ?? [];
  const clauses = [
    ...[...uniques, ...added].map(({ columns }) => `,\n\tUNIQUE(${columns.map(quoteName).join(", ")})`),
    ...checks.filter((check) => check.name === null && !isWanted(check.expression))
      .map(({ expression }) => `,\n\tCHECK(${expression})`),
  ];
  return sql.trim().replace(/\n\);?$/, () => `${clauses.join("")}\n)`);
}

/** With AUTOINCREMENT no number comes back, also not that of a row that is gone. */
function lastNumber({ name, peculiarities }: Table): readonly BridgeStatement[] {
  if (!peculiarities?.includes("AUTOINCREMENT")) return [];
  const [old, copy] = [quoteText(name), quoteText(`__new_${name}`)];
  return [
    step(`DELETE FROM sqlite_sequence WHERE name = ${copy}`),
    step(
      `INSERT INTO sqlite_sequence (name, seq) SELECT ${copy}, seq FROM sqlite_sequence WHERE name = ${old}`,
    ),
  ];
}

/** SQLite lets an expression fail with words of our own only through a JSON path that it cannot read. */
function copyGuard(table: Table, { target, fills }: BridgeSubject): BridgeStatement {
  const wanted = target.tables.find(({ name }) => name === table.name);
  const keys = (wanted?.primaryKey ?? []).filter((key) => table.columns.some(({ name }) => name === key));
  const [old, copy] = [quoteName(table.name), quoteName(`__new_${table.name}`)];
  const isFilled = (column: string) =>
    fills.some((fill) => fill.table === table.name && fill.column === column);
  const names = columnsLeftAlone(table, target);
  const same = names.map((name) => {
    const column = quoteName(name);
    const equal = `old.${column} IS new.${column} AND typeof(old.${column}) = typeof(new.${column})`;
    return isFilled(name) ? `(old.${column} IS NULL OR ${equal})` : equal;
  });
  const byKey = keys.map(quoteName).map((key) => `new.${key} IS old.${key}`);
  // Without a key no row is another's copy: then all of them are compared as they are.
  const values = names.filter((name) => !isFilled(name)).map(quoteName)
    .flatMap((column) => [column, `typeof(${column})`]).join(", ");
  const isChanged = keys.length === 0
    ? `SELECT ${values} FROM ${old} EXCEPT SELECT ${values} FROM ${copy}`
    : `SELECT 1 FROM ${old} AS old WHERE NOT EXISTS (SELECT 1 FROM ${copy} AS new
    WHERE ${[...byKey, ...same].join("\n    AND ")})`;
  return guard(
    `SELECT CASE WHEN (SELECT count(*) FROM ${old}) <> (SELECT count(*) FROM ${copy}) OR EXISTS (${isChanged})
  THEN json_extract('{}', ${quoteText(guardWords(table.name))}) END`,
  );
}
