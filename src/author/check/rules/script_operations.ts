import { type Statement, ways } from "../../../history/scripts/statement.ts";
import type { Operation } from "../../../sql/operations/operation.ts";
import type { Script } from "../../../history/scripts/script.ts";

/** A statement and what it does. */
export interface ReadStatement {
  readonly statement: Statement;
  readonly operations: readonly Operation[];
  /** Statements with the same number run in one transaction; one that runs alone or in batches has its own. */
  readonly phase: number;
}

/**
 * Reads what the statements of a script do. The four statements by which drizzle-kit rebuilds a SQLite table become
 * one operation, at the first of them.
 */
export function readOperations(
  { statements }: Script,
  operationsOf: (sql: string) => readonly Operation[],
): readonly ReadStatement[] {
  let phase = 0;
  const read = statements.map((statement, index) => {
    const previous = statements[index - 1];
    const isJoined = previous !== undefined && ways[previous.run.kind].isShared;
    if (!isJoined || !ways[statement.run.kind].isShared) phase++;
    return { statement, operations: operationsOf(statement.sql), phase };
  });
  return withRebuilds(read);
}

function withRebuilds(read: readonly ReadStatement[]): readonly ReadStatement[] {
  const operations = read.flatMap((each) => each.operations);
  const has = (kind: Operation["kind"], table: string) =>
    operations.some((each) => each.kind === kind && "table" in each && each.table === table);
  const copies = new Map(operations.flatMap((each) => {
    const isSwap = each.kind === "rename table" && has("create table", each.table) &&
      has("drop table", each.to);
    return isSwap ? [[each.table, each.to] as const] : [];
  }));
  if (copies.size === 0) return read;
  const originals = new Set(copies.values());
  const replace = (operation: Operation): readonly Operation[] => {
    if (!("table" in operation)) return [operation];
    const original = copies.get(operation.table);
    if (original !== undefined) {
      return operation.kind === "create table" ? [{ kind: "rebuild table", table: original }] : [];
    }
    return operation.kind === "drop table" && originals.has(operation.table) ? [] : [operation];
  };
  return read.map((each) => ({ ...each, operations: each.operations.flatMap(replace) }));
}
