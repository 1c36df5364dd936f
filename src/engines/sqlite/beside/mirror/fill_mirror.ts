import type { BesideProgress } from "../../../beside_progress.ts";
import { quoteName } from "../../../../sql/quote.ts";
import type { BesideFile } from "../../database.ts";
import { copyChanged, fillRange } from "./mirror.ts";
import { changesName, walkNotes } from "./noting.ts";
import { fenced, type Run, runAll } from "./run.ts";
import type { PacedRun } from "./paced.ts";
import { updateProgress } from "./progress.ts";
import { own } from "../../connection/statement.ts";

/** How many changed rows are left to the transaction that puts the mirror in its place. */
const mostLeft = 200;
/** How often the changed rows are gone through in the hope that few are left. */
const mostPasses = 20;

/** Mirrors the rows that were there when it began. */
export async function fill(file: BesideFile, given: Run, paced: PacedRun): Promise<BesideProgress> {
  const { shadow, context: { doing } } = given;
  const { source } = shadow;
  let { progress } = given;
  if (progress.phase !== "fill") return progress;
  const end = progress.endRow === null ? null : BigInt(progress.endRow);
  const first = progress.lastRow;
  await paced.repeat(async (size) => {
    const after = progress.lastRow === null ? null : BigInt(progress.lastRow);
    const [next] = end === null ? [] : file.rows<{ last: number | bigint | null; rows: number }>(own(
      `SELECT max(i) AS last, count(*) AS rows FROM (SELECT ${source.rowId} AS i FROM ${
        quoteName(source.name)
      } WHERE ${
        after === null ? "" : `${source.rowId} > ${after} AND `
      }${source.rowId} <= ${end} ORDER BY ${source.rowId} LIMIT ${size})`,
    ));
    const last = next?.last ?? null;
    const moved: BesideProgress = last === null
      ? { ...progress, phase: "follow", lastRow: null }
      : { ...progress, lastRow: String(last) };
    await fenced(file, { ...given, progress }, () => {
      if (last !== null) {
        runAll(file, fillRange(shadow, { after, to: BigInt(last) }));
      }
      updateProgress(file, moved);
    });
    progress = moved;
    if (last === null) return null;
    doing(`${shadow.name}: ${percentOf(first, last, end!)} % of ${source.name}`);
    return next!.rows;
  });
  return progress;
}

function percentOf(first: string | null, last: number | bigint, end: bigint): number {
  const from = Number(first ?? 0);
  return Math.floor(100 * Math.max(0, Math.min(1, (Number(last) - from) / Math.max(1, Number(end) - from))));
}

/** Mirrors changed rows until few are left. */
export async function follow(file: BesideFile, given: Run, paced: PacedRun): Promise<void> {
  const { context } = given;
  const changes = changesName(given.shadow.id);
  for (let pass = 0; pass < mostPasses; pass++) {
    const [left] = file.rows<{ count: number }>(
      own(`SELECT count(*) AS count FROM (SELECT 1 FROM ${changes} LIMIT ${mostLeft + 1})`),
    );
    if (left!.count <= mostLeft) return;
    await walkNotes(file, paced, {
      id: given.shadow.id,
      batch: async (range) => {
        await fenced(file, given, () => runAll(file, copyChanged(given.shadow, range)));
        context.doing(`${given.shadow.name}: taking in what changed meanwhile`);
      },
    });
  }
}
