import { cutName } from "../../../sql/cut_name.ts";
import { isSameName } from "../../../base/fold_name.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { ColumnRename } from "./renames.ts";

/**
 * Returns the renames of columns in an order in which each new name is free when its turn comes. Where names change places, one
 * column has a third name for a moment.
 *
 * @param isTaken Whether a table has a column of that name, before or after
 */
export function orderRenames(
  renames: readonly ColumnRename[],
  { dialect, isTaken }: {
    readonly dialect: Dialect;
    readonly isTaken: (table: string, name: string) => boolean;
  },
): readonly ColumnRename[] {
  const open = [...renames];
  const ordered: ColumnRename[] = [];
  while (open.length > 0) {
    const isFree = (rename: ColumnRename) =>
      !open.some((each) =>
        each !== rename && each.table === rename.table && isSameName(dialect, each.from, rename.to)
      );
    const next = open.findIndex(isFree);
    if (next >= 0) {
      ordered.push(...open.splice(next, 1));
      continue;
    }
    const { table, from, to } = open.shift()!;
    const interim = interimName(from, (name) => isTaken(table, name));
    ordered.push({ table, from, to: interim });
    open.push({ table, from: interim, to });
  }
  return ordered;
}

function interimName(name: string, isTaken: (name: string) => boolean): string {
  let interim = name;
  for (let at = 1; isTaken(interim); at++) interim = `${cutName(name, 50)}_old${at === 1 ? "" : at}`;
  return interim;
}

/** Returns what renames of columns that follow each other come to, third names left out. */
export function netRenames(renames: readonly ColumnRename[], dialect: Dialect): readonly ColumnRename[] {
  const isSame = (one: string, other: string) => isSameName(dialect, one, other);
  return renames.reduce<readonly ColumnRename[]>((net, { table, from, to }) => {
    const earlier = net.find((each) => isSame(each.table, table) && isSame(each.to, from));
    if (earlier === undefined) return [...net, { table, from, to }];
    return net.map((each) => each === earlier ? { ...earlier, to } : each);
  }, []).filter(({ from, to }) => from !== to);
}
