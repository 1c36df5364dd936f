import { stopIfAsked } from "../../../../base/interrupt.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { readRest } from "../../../pace.ts";
import type { BesideFile } from "../../database.ts";
import { letGo } from "./clear_away.ts";
import { countWrong, mirrorName } from "./mirror.ts";
import { fenced, Overtaken, type Run } from "./run.ts";
import { updateProgress } from "./progress.ts";
import { own } from "../../connection/statement.ts";

/** Rows that are compared in one look. */
const proofSize = 5_000;

/** After how many of them the place is kept: without a WAL each time waits for the disk, and others for that. */
const looksPerPlace = 10;

/**
 * Compares the shadow with the table, value by value. Each look sees one state; what changes after it is noted, so that
 * the looks together say as much as one at all of it, and in a rollback journal nobody waits for longer than one takes. For the
 * same reason a run that was killed goes on behind what it had compared.
 */
export async function compare(file: BesideFile, given: Run): Promise<void> {
  const { shadow, progress, context: { signal, doing } } = given;
  const { source, id, rowId } = shadow;
  doing(`${shadow.name}: comparing it with ${source.name}`);
  const { pause } = await file.pace();
  const rest = readRest(file);
  let after = progress.lastRow === null ? null : BigInt(progress.lastRow);
  for (let look = 1;; look++) {
    stopIfAsked(signal);
    const lastOf = (row: string, table: string, from: bigint | null) =>
      file.rows<{ last: number | bigint | null }>(own(
        `SELECT max(i) AS last FROM (SELECT ${row} AS i FROM ${table}${
          from === null ? "" : ` WHERE ${row} > ${from}`
        } ORDER BY ${row} LIMIT ${proofSize})`,
      ))[0]?.last ?? null;
    const lasts = [lastOf(source.rowId, quoteName(source.name), after), lastOf(rowId, mirrorName(id), after)];
    const found: bigint[] = lasts.flatMap((last) => last === null ? [] : [BigInt(last)]);
    if (found.length === 0) return;
    const to: bigint = found.reduce((a, b) => a < b ? a : b);
    const began = performance.now();
    const [row] = file.rows<{ wrong: number }>(own(countWrong(shadow, { after, to })));
    if (row!.wrong > 0) {
      await file.transact(() => letGo(file, progress));
      throw new Overtaken();
    }
    after = to;
    if (look % looksPerPlace === 0) {
      await fenced(file, given, () => updateProgress(file, { ...progress, lastRow: String(to) }));
      doing(`${shadow.name}: compared with ${source.name} up to row ${to}`);
    }
    await pause(Math.max(1, (performance.now() - began) * rest), signal);
  }
}
