import { columnsGone, type Loss } from "./losses.ts";

/** What is lost of a table, as it will be when that is lost. */
export interface FurtherLoss {
  readonly loss: Loss;
  /** Of these columns alone it is known before what will be in them then: no statement before writes there. */
  readonly known: readonly string[];
}

/**
 * Returns what is lost by statements that was not lost by those before them: tables and columns that go, and columns whose values
 * become others for the first time.
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
    if (earlier.some(({ kind }) => kind === "table")) return [];
    const columns = loss.table.columns.filter(({ name }) => !gone.includes(name));
    const table = { ...loss.table, columns };
    const known = columns.map(({ name }) => name).filter((name) => !written.includes(name));
    switch (loss.kind) {
      case "table":
        return [{ loss: { kind: "table", table }, known }];
      case "columns": {
        const more = loss.columns.filter((name) => !gone.includes(name));
        return more.length === 0 ? [] : [{ loss: { ...loss, table, columns: more }, known }];
      }
      case "changed": {
        const more = loss.columns.filter(({ name }) => !written.includes(name));
        return more.length === 0 ? [] : [{ loss: { ...loss, table, columns: more }, known }];
      }
    }
  });
}
