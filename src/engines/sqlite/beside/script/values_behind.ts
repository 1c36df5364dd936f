import { affinityOf } from "../../../../sql/affinity.ts";
import { foldName, isSameName } from "../../../../base/fold_name.ts";
import { columnsIn } from "../../../../sql/expression_columns.ts";
import { type TableForm } from "../form/table.ts";
import { fillOf, type Rebuild } from "../../rebuild/read_rebuild.ts";
import { type RowUpdate, valuesAfter } from "./updates.ts";

/**
 * Returns what each column of a copy is filled with when updates of the old table come first: expressions over its rows as they were
 * before them. `null` where the updates do, or ask, more than the copy would.
 */
export function valuesBehind(
  updates: readonly RowUpdate[],
  { copied, before, after }: {
    readonly copied: Rebuild["values"];
    readonly before: TableForm;
    readonly after: TableForm;
  },
): Rebuild["values"] | null {
  if (updates.length === 0) return copied;
  const written = valuesAfter(updates, before);
  const checks = after.checks.map(({ expression }) => expression);
  // A check that goes has been asked by then.
  const isChecked = before.checks.every(({ expression }) => checks.includes(expression));
  if (written === null || !isChecked || before.isStrict !== after.isStrict) return null;
  const worked = before.columns.filter(({ generated }) => generated !== null).map(({ name }) =>
    foldName(name)
  );
  for (const [name, value] of copied) {
    const read = columnsIn(value, before.columns, "sqlite").map(foldName);
    const isApart = !read.some((each) => written.has(each) || worked.includes(each));
    if (!isApart && !(written.has(name) && isTaken(name, copied))) return null;
  }
  return [...written.keys()].every((name) => isHeldAlike(name, { before, after }))
    ? new Map([...copied, ...written])
    : null;
}

/** Whether the copy makes of what is written to a column what the old table would, and refuses no less of it. */
function isHeldAlike(
  name: string,
  { before, after }: { readonly before: TableForm; readonly after: TableForm },
): boolean {
  const [was, is] = [before, after].map(({ columns }) =>
    columns.find((column) => isSameName("sqlite", column.name, name))
  );
  return was !== undefined && is !== undefined && affinityOf(was.type) === affinityOf(is.type) &&
    (!before.isStrict || was.type.toUpperCase() === is.type.toUpperCase()) &&
    (is.isNotNull || !was.isNotNull);
}

/** Whether a column takes over the one of its name, as it is. */
export function isTaken(column: string, values: Rebuild["values"]): boolean {
  const value = values.get(foldName(column));
  return value !== undefined && fillOf(column, value) === undefined;
}
