import { counted } from "../../base/quantity.ts";
import { forgetKept, type Kept, recountKept, updateKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { readAppliedIn } from "../../engines/version_table.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import type { Return } from "./back/return.ts";
import { makePlaces, type Work } from "./back/walk.ts";
import { namelessWords } from "./count_kept.ts";
import { prune } from "./prune.ts";
import { ranAgainSince } from "./rules/ran_since.ts";
import { countOf, countsOf } from "./side/contents.ts";

/** What was put back of one table, as reported. */
export interface ReturnedResult {
  readonly id: number;
  readonly kind: Kept["kind"];
  readonly table: string;
  readonly columns: readonly string[];
  /** Rows that were put back. */
  readonly rows: number;
  /** Rows that the application has deleted since: what was kept of them is gone as well. */
  readonly deleted: number;
  /** Rows that the registry has and the side table had not, when the return began or went on. */
  readonly missing: number;
  /** Rows that stay kept: they did not fit. */
  readonly left: number;
  /** Why, for people; `null` when nothing is left. */
  readonly reason: string | null;
}

/** Forgets what is back, and says why the rest is not. */
export async function settle(
  context: RunContext,
  { kept, before, way }: Work,
  { live, refusal }: { readonly live: Snapshot; readonly refusal: string | null },
): Promise<ReturnedResult> {
  const { database } = context;
  if (way !== null) await database.write(way.closing);
  const standing = { history: context.history, applied: await readAppliedIn(context) ?? [] };
  const since = ranAgainSince(kept, standing, database);
  const deleted = since === null ? 0 : await prune(context, kept, { live, since }) ?? 0;
  const left = await countOf(database, kept);
  const columns = kept.columns.map(({ name }) => name);
  const reason = left === 0 ? null : await reasonOf(context, { kept, way, left, refusal, live });
  const { ending = [] } = way ?? {};
  if (ending.length > 0) await database.write(ending);
  if (left === 0) await forgetKept(database, [kept]);
  else {
    await database.write([
      updateKept({ ...kept, state: "left", lastRow: 0 }),
      recountKept(kept, countsOf(database.dialect, kept)),
    ]);
  }
  const { id, kind, table } = kept;
  const missing = Math.max(0, kept.rows - before);
  return { id, kind, table, columns, deleted, missing, left, rows: before - deleted - left, reason };
}

interface Remainder {
  readonly kept: Kept;
  readonly way: Return | null;
  readonly left: number;
  readonly refusal: string | null;
  readonly live: Snapshot;
}

async function reasonOf(
  { database }: RunContext,
  { kept, way, left, refusal, live }: Remainder,
): Promise<string> {
  if (way === null) return `there is no table ${kept.table}`;
  await makePlaces({ database }, { kept, way });
  type Why = "newer" | "homeless" | "dangling" | "nameless";
  const [found] = await database.read<Record<Why, number | bigint | string>>(way.remainder);
  const [newer, homeless, dangling, nameless] = [
    found!.newer,
    found!.homeless,
    found!.dangling,
    found!.nameless,
  ].map(Number) as [number, number, number, number];
  const others = left - newer - homeless - dangling - nameless;
  const key = kept.keys.join(" and ");
  const hasHeirs = live.tables.some(({ name, heirs }) => name === kept.table && heirs !== undefined);
  const unknown = kept.keys.length === 0 || hasHeirs
    ? counted(others, "row is not to be told from others", "rows are not to be told from others")
    : `${counted(others, "row finds", "rows find")} no row with the same ${key}`;
  // Of what became of a value nobody knows for certain whether somebody wrote it, or a script made it.
  const other = kept.kind === "changed" ? `else than the ${kept.direction} made of it` : "newer";
  const reasons = [
    newer > 0 ? `${counted(newer, "row holds", "rows hold")} something ${other}` : null,
    homeless > 0 ? `${counted(homeless, "row has", "rows have")} values of columns that are not there` : null,
    dangling > 0 ? `${counted(dangling, "row refers", "rows refer")} to rows that are not there` : null,
    nameless > 0 ? namelessWords(nameless, kept.keys) : null,
    others > 0 && refusal === null ? unknown : null,
    others > 0 && refusal !== null ? `the database refused some: ${refusal}` : null,
  ];
  return reasons.filter((each) => each !== null).join("; ");
}
