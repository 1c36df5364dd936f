import { columnsGone, type Loss } from "./losses.ts";

/** What goes of a table, as it will be when it goes. */
export interface FurtherLoss {
  readonly loss: Loss & { readonly kind: "table" | "columns" };
  /** Of these columns alone it is known before what will be in them then: no statement before writes there. */
  readonly known: readonly string[];
}

/**
 * Returns which tables and columns go with statements that did not go with those before them.
 *
 * @param before What is lost by the statements before them
 * @param after What is lost by all of them together
 */
export function lossesBeyond(before: readonly Loss[], after: readonly Loss[]): readonly FurtherLoss[] {
  return after.flatMap((loss): readonly FurtherLoss[] => {
    const earlier = before.filter(({ table }) => table.name === loss.table.name);
    const columnsOf = (kind: Loss["kind"]) =>
      earlier.filter((each) => each.kind === kind).flatMap(columnsGone);
    const [gone, written] = [columnsOf("columns"), columnsOf("changed")];
    if (loss.kind === "changed" || earlier.some(({ kind }) => kind === "table")) return [];
    const columns = loss.table.columns.filter(({ name }) => !gone.includes(name));
    const table = { ...loss.table, columns };
    const known = columns.map(({ name }) => name).filter((name) => !written.includes(name));
    if (loss.kind === "table") return [{ loss: { kind: "table", table }, known }];
    const more = loss.columns.filter((name) => !gone.includes(name));
    return more.length === 0 ? [] : [{ loss: { kind: "columns", table, columns: more }, known }];
  });
}
