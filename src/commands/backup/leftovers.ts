import { HarborError } from "../../base/errors.ts";
import { formatBytes } from "../../base/quantity.ts";
import type { Leftover } from "../../backup/store/workspace.ts";
import type { Database } from "../../engines/database.ts";
import type { LeftCopy } from "../../engines/inspector.ts";
import { loadInspector } from "../../engines/open/inspector.ts";

/** What runs left of which nobody may need anything. */
export interface LeftoverWords {
  /** What `--json` shows. */
  readonly json: readonly {
    /** A path, or the name of a database on the server. */
    readonly name: string;
    readonly isDatabase: boolean;
    /** `null` where this user may not see it. */
    readonly bytes: number | null;
    /** Whether its run is known to have ended. */
    readonly isOver: boolean;
  }[];
  /** The same for people. */
  readonly lines: readonly string[];
}

/** Reads which copies lie on the database's server; none where it cannot be asked. */
export async function leftOnServer(database: Database): Promise<readonly LeftCopy[]> {
  const inspector = await loadInspector(database.dialect);
  return await inspector.leftCopies(database).catch((error: unknown) => {
    if (error instanceof HarborError && error.code !== "interrupted") return [];
    throw error;
  });
}

/** Says what runs left in the folder of backups and on the server, and how it goes. */
export function describeLeftovers(
  inFolder: readonly Leftover[],
  onServer: readonly LeftCopy[],
): LeftoverWords {
  return {
    json: [
      ...inFolder.map(({ path, bytes, isOver }) => ({ name: path, isDatabase: false, bytes, isOver })),
      ...onServer.map(({ name, bytes }) => ({ name, isDatabase: true, bytes, isOver: true })),
    ],
    lines: [
      ...inFolder.map(({ path, bytes, isOver }) => {
        const what = `${path} (${sizeText(bytes)})`;
        return isOver
          ? `left by a run that did not end: ${what}; the next backup or rehearsal removes it`
          : `of a run that may be at work elsewhere, or did not end: ${what}; a backup or rehearsal removes what looks a day old twice, a day apart`;
      }),
      ...onServer.map(({ name, bytes }) =>
        `left on the server by a run that did not end: database ${name} (${
          sizeText(bytes)
        }); the next backup or rehearsal drops it`
      ),
    ],
  };
}

function sizeText(bytes: number | null): string {
  return bytes === null ? "of a size that this user may not see" : formatBytes(bytes);
}
