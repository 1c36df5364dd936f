import { isSameName } from "../../base/fold_name.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { storedColumns } from "../kept/rules/keys.ts";
import { columnsGone, type Loss } from "../kept/rules/losses.ts";
import type { RowBytes, Sizes } from "../kept/side/sizes.ts";
import type { Copy } from "../rules/effects/effect.ts";
import { effectsOf } from "../rules/statement_effects.ts";
import { indexesGone } from "./indexes_gone.ts";
import { type Part, tellsWhatGoes } from "./part.ts";

/** A part, and what is known of those up to it. */
interface Past {
  readonly part: Part;
  /** All that is lost up to the end of the part. */
  readonly all: readonly Loss[];
  /** All statements up to there. */
  readonly past: readonly string[];
  readonly live: Snapshot;
}

/** Returns what the copies of tables take at least that take their place, with their indexes. */
export function copiesIn(own: Sizes, { part, all, past, live }: Past): readonly RowBytes[] {
  const { dialect } = live;
  const isSame = (a: string, b: string) => isSameName(dialect, a, b);
  return copiedIn(part, dialect).flatMap(({ source, columns }): readonly RowBytes[] => {
    const table = live.tables.find(({ name }) => isSame(name, source));
    if (table === undefined) return [];
    const losses = all.filter((each) => each.table.name === table.name);
    if (losses.some(({ kind }) => kind === "table")) return [];
    const gone = losses.flatMap(columnsGone);
    const isCopied = (name: string) =>
      columns === null || columns.some(({ from }) => from !== null && isSame(from, name));
    const names = storedColumns(table).map(({ name }) => name)
      .filter((name) => !gone.includes(name) && isCopied(name));
    if (names.length === 0) return [];
    const without = indexesGone(live, { texts: past, losses });
    return [{ table: table.name, bytes: own.inCopy(table, names, without), where: null }];
  });
}

/** Returns the tables of which all rows are copied, with the columns that are taken; `null` for all of them. */
function copiedIn(
  part: Part,
  dialect: Dialect,
): readonly { readonly source: string; readonly columns: Copy["columns"] | null }[] {
  const { texts, beside } = part;
  if (beside !== null) return beside.way === "shadow" ? [{ source: beside.table, columns: null }] : [];
  if (!tellsWhatGoes(part, dialect)) return [];
  const effects = texts.flatMap((text) => effectsOf(text, dialect));
  const isSame = (a: string, b: string) => isSameName(dialect, a, b);
  return effects.flatMap((effect) => {
    if (effect.kind !== "copy" || !effect.isWhole) return [];
    const { table, source, columns } = effect;
    const takesItsPlace = effects.some((each) =>
      each.kind === "rename" && isSame(each.table, table) && isSame(each.to, source)
    );
    return takesItsPlace ? [{ source, columns }] : [];
  });
}
