import { netRenames } from "../../rules/change/rename_order.ts";
import { type OperationPlace, tableIn } from "./hazard_conditions.ts";
import type { Table } from "../../../schema/snapshot.ts";

/** What tells rows apart: an index, a UNIQUE constraint or a key. */
interface UniqueKey {
  readonly name: string | null;
  /** Columns or expressions, without their order. */
  readonly parts: readonly string[];
  readonly where: string | null;
  readonly areNullsAlike: boolean;
}

/**
 * Says whether what a script makes unique was so before: something was unique there of the same columns, or of some of them, under
 * the names that they had, and nothing wrote to the table since.
 *
 * @param name Of the index or the constraint
 */
export function wasUnique(table: string, name: string, place: OperationPlace): boolean {
  const { dialect, script, before, after } = place;
  const operations = script.flatMap((each) => each.operations);
  const isWritten = operations.some((each) =>
    each.kind === "hidden" || ((each.kind === "update" || each.kind === "insert") && each.table === table)
  );
  const isNew = (column: string) =>
    operations.some((each) => each.kind === "add column" && each.table === table && each.column === column);
  const [old, now] = [before, after].map((each) => tableIn(each, table));
  const last = operations.reduce(
    (called, each) => each.kind === "rename index" && each.index === called ? each.to : called,
    name,
  );
  const key = keysOf(now).find((each) => each.name === last);
  if (isWritten || old === undefined || key === undefined) return false;
  const renames = netRenames(
    operations.flatMap((each) =>
      each.kind === "rename column" && each.table === table ? [{ table, from: each.column, to: each.to }] : []
    ),
    dialect,
  );
  const nameBefore = (column: string) => renames.find(({ to }) => to === column)?.from ?? column;
  const isSame = (part: string) => {
    const is = now!.columns.find((each) => each.name === part);
    const was = old.columns.find((each) => each.name === nameBefore(part));
    // What is no column is an expression, whose columns may be others now.
    if (is === undefined) return renames.length === 0;
    return was !== undefined && !isNew(part) && was.type === is.type && (was.notNull || !is.notNull);
  };
  const parts = key.parts.filter(isSame).map(nameBefore);
  return keysOf(old).some((each) =>
    each.parts.every((part) => parts.includes(part)) && (each.where === null || each.where === key.where) &&
    (each.areNullsAlike || !key.areNullsAlike)
  );
}

function keysOf(table: Table | undefined): readonly UniqueKey[] {
  if (table === undefined) return [];
  const own = table.primaryKey.length === 0
    ? []
    : [{ name: null, parts: table.primaryKey, where: null, areNullsAlike: true }];
  const indexes = table.indexes.filter(({ unique, valid }) => unique && valid).map((
    { name, columns, where },
  ) => ({
    name,
    parts: columns.map((column) => column.replace(/(?: DESC)?(?: NULLS (?:FIRST|LAST))?$/, "")),
    where,
    areNullsAlike: false,
  }));
  const uniques = table.uniques.map(({ name, columns, nullsAlike = false }) => ({
    name,
    parts: columns,
    where: null,
    areNullsAlike: nullsAlike,
  }));
  return [...own, ...indexes, ...uniques];
}
