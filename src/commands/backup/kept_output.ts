import { counted, formatBytes } from "../../base/quantity.ts";
import { isCounted, isPutAside, type Kept } from "../../engines/kept_table.ts";

/** What `--json` shows of kept data. */
export function keptJson(kept: Kept) {
  const { id, revision, direction, kind, table, columns, state, rows, bytes, madeAt } = kept;
  return {
    id,
    revision,
    direction,
    kind,
    table,
    columns: columns.map(({ name }) => name),
    state,
    ...isCounted(kept) ? { rows, bytes } : { rows: null, bytes: null },
    madeAt,
    sideTable: kept.sideTable,
  };
}

/** Says what was put aside: `files.storage_backend, files.metadata_json`, `table files`. */
export function whatText({ kind, table, columns }: Pick<Kept, "kind" | "table" | "columns">): string {
  if (kind === "table") return `table ${table}`;
  const names = columns.map(({ name }) => `${table}.${name}`).join(", ");
  return kind === "changed" ? `${names} before they were changed` : names;
}

/** Says which step put it aside. */
export function stepText({ direction, revision }: Pick<Kept, "direction" | "revision">): string {
  return `${direction} of ${revision}`;
}

/** Says what of it an interrupted run did not put back, or another puts back now. */
export function unreturnedText(kept: Kept): string {
  return isPutAside(kept)
    ? `${counted(kept.rows, "row")} of ${whatText(kept)}, put aside by the ${
      stepText(kept)
    }, which was undone`
    : `${whatText(kept)}, noted by the ${stepText(kept)}, which was interrupted`;
}

/** What each state is called. */
export const stateWords: Readonly<Record<Kept["state"], string>> = {
  noting: "being noted: its step is not done",
  keeping: "being put aside",
  kept: "kept",
  returning: "being put back",
  left: "left over: it did not fit",
};

/** Says how much it is: `100 012 rows, 4.1 MB`. */
export function amountText(kept: readonly Pick<Kept, "rows" | "bytes" | "state">[]): string {
  const known = kept.filter(isCounted);
  if (known.length === 0 && kept.length > 0) return "not yet counted";
  const sum = (of: "rows" | "bytes") => known.reduce((total, each) => total + each[of], 0);
  const rest = known.length < kept.length ? ", and what is not yet counted" : "";
  return `${counted(sum("rows"), "row")}, ${formatBytes(sum("bytes"))}${rest}`;
}
