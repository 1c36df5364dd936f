import { buildHistory, journalPath } from "../core/history.ts";
import type { Dialect } from "../core/snapshot.ts";
import { join } from "node:path";
import { readIfThere } from "./read_history.ts";
import { type ProofSetting, proveRevisions } from "./prove.ts";
import type { FileChange } from "./write_together.ts";

/**
 * Proves the last revision of each dialect as it will be once the changes are written.
 *
 * @returns The dialects on which it was proven
 */
export async function proveChanges(
  dir: string,
  changes: readonly FileChange[],
  settings: ReadonlyMap<Dialect, ProofSetting>,
): Promise<readonly Dialect[]> {
  const texts = new Map(changes.map(({ path, text }) => [path, text]));
  const proven: Dialect[] = [];
  for (const [dialect, setting] of settings) {
    if (!texts.has(`${dialect}/${journalPath}`)) continue;
    const history = buildHistory(dialect, {
      folder: join(dir, dialect),
      read: (path) => {
        const key = `${dialect}/${path}`;
        return texts.has(key) ? texts.get(key)! : readIfThere(join(dir, key));
      },
    });
    await proveRevisions(history, history.revisions.length - 1, setting);
    proven.push(dialect);
  }
  return proven;
}
