import { HarborError } from "../../base/errors.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import type { App } from "../../cli/app.ts";
import type { Values } from "../../cli/options.ts";
import { proofText } from "../../engines/backup/content.ts";
import { readIdentity, unknownIdentity } from "../../engines/backup/identity.ts";
import type { Database } from "../../engines/database.ts";
import { type folderOptions, openAppBackups } from "./options.ts";
import type { LeftoverWords } from "./leftovers.ts";
import { ageText, listedBackup, positionText } from "./output.ts";

/** What status says of the backups in the folder. */
export interface LastBackup {
  /** Whether newer ones than the last are dated in the future or cannot be used. */
  readonly needsAttention: boolean;
  readonly json: {
    readonly lastBackup: ReturnType<typeof listedBackup> | null;
    readonly backupsFromFuture: readonly ReturnType<typeof listedBackup>[];
    readonly backupsUnusable: readonly string[];
    /** Why none of it is known. */
    readonly backupProblem: HarborError | null;
    /** What runs left in the folder that did not end. */
    readonly leftovers: LeftoverWords["json"];
  };
  /** The same for people. */
  readonly lines: readonly string[];
  readonly remedies: readonly string[];
}

/** Says which backup is the last, and what is wrong with others. */
export async function describeLastBackup(
  app: App,
  database: Database,
  options: Values<typeof folderOptions>,
): Promise<LastBackup> {
  const { red } = app.report.colors;
  const identity = app.isAbsent() ? unknownIdentity : await readIdentity(database);
  try {
    const backups = await openAppBackups(app, options);
    const { backup, fromFuture, unusable } = await backups.newest(identity);
    // What may be at work is nothing to tell of every day.
    const left = (await backups.leftovers()).filter(({ isOver }) => isOver);
    const { describeLeftovers } = left.length === 0 ? {} : await import("./leftovers.ts");
    const leftovers = describeLeftovers?.(left, []) ?? { json: [], lines: [] };
    return {
      needsAttention: fromFuture.length > 0 || unusable.length > 0,
      json: {
        lastBackup: backup && listedBackup(backup),
        backupsFromFuture: fromFuture.map(listedBackup),
        backupsUnusable: unusable.map(({ id }) => id),
        backupProblem: null,
        leftovers: leftovers.json,
      },
      lines: [
        backup === null ? "none" : textOf(backup),
        ...unusable.map(({ id, problem }) => {
          const why = problem?.message ?? "its file is missing, or not as long as its manifest says";
          return red(`newer and not usable: ${id} (${why})`);
        }),
        ...fromFuture.map(({ path, manifest }) =>
          red(`dated in the future, ${manifest.createdAt}, so not counted: ${path}`)
        ),
        ...leftovers.lines,
      ],
      remedies: [],
    };
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    return {
      needsAttention: false,
      json: {
        lastBackup: null,
        backupsFromFuture: [],
        backupsUnusable: [],
        backupProblem: error,
        leftovers: [],
      },
      lines: [`unknown: ${error.message}`],
      remedies: error.hintLines,
    };
  }
}

function textOf({ manifest, path }: StoredBackup): string {
  const age = ageText(manifest.createdAt, new Date());
  return `${age} old, at ${positionText(manifest)}, ${proofText(manifest)}: ${path}`;
}
