import { HarborError } from "../base/errors.ts";
import { unlessAsked } from "../base/interrupt.ts";
import type { BackupEngine } from "../engines/backup/engine.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { Revision } from "../history/history.ts";
import { tablesLeftToHost } from "../history/revision_schema.ts";
import type { BackupPosition } from "./position.ts";

/** Lists what a copy will not hold of the database, and of what the history names there: `function total_size`. Says it, too. */
export async function tellUncarried(
  { history: { revisions }, signal, notify }: RunContext,
  engine: Pick<BackupEngine, "uncarried">,
  { revision }: BackupPosition,
): Promise<readonly string[]> {
  const found = await unlessAsked(engine.uncarried(), signal);
  const place = revisions.find(({ id }) => id === revision) ?? revisions.at(-1);
  const uncarried = [
    ...new Set([
      ...found.map(({ kind, name, table }) => `${kind} ${name}${table === null ? "" : ` on ${table}`}`),
      ...place === undefined ? [] : leftToHost(place).map((name) => `table ${name}`),
    ]),
  ];
  if (uncarried.length > 0) notify({ kind: "note", text: `not part of the backup: ${uncarried.join(", ")}` });
  return uncarried;
}

/** A database needs its backup also where the history cannot be read. */
function leftToHost(revision: Revision): readonly string[] {
  try {
    return tablesLeftToHost(revision);
  } catch (error) {
    if (error instanceof HarborError) return [];
    throw error;
  }
}
