import { isBeforeAdoption } from "../../backup/rules/manifest.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { HarborError } from "../../base/errors.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import type { App } from "../../cli/app.ts";
import type { Values } from "../../cli/options.ts";
import type { Fact } from "../../cli/output/report.ts";
import { readIdentity } from "../../engines/backup/identity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { undoneBridge } from "../../migrate/rules/bridged.ts";
import { type folderOptions, openAppBackups } from "../backup/options.ts";

/** A bridge that a plan undoes, and what holds the database as it was before. */
export interface UndoneBridge {
  /** ISO 8601 UTC; `null` when that is on record no more. */
  readonly adoptedAt: string | null;
  /** The backup that was made before it; `null` when there is none. */
  readonly backup: StoredBackup | null;
  /** Where it was looked for. */
  readonly place: string;
  /** Why nobody can tell whether there is one. */
  readonly problem: HarborError | null;
}

/** Reads which bridge a plan undoes; `null` for none. */
export async function readUndoneBridge(
  app: App,
  { database }: RunContext,
  { plan: { steps, state }, options }: {
    readonly plan: Pick<PreparedPlan, "steps" | "state">;
    readonly options: Values<typeof folderOptions>;
  },
): Promise<UndoneBridge | null> {
  const bridge = undoneBridge(steps, state.applied);
  if (bridge === null) return null;
  const { at } = bridge;
  const backups = await openAppBackups(app, options);
  const place = backups.place.name;
  try {
    const { own } = await backups.list(await readIdentity(database));
    return { adoptedAt: at, backup: at === null ? null : backupBefore(own, at), place, problem: null };
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    return { adoptedAt: at, backup: null, place, problem: error };
  }
}

/** @param own The newest first */
function backupBefore(own: readonly StoredBackup[], adoptedAt: string): StoredBackup | null {
  const before = own.filter(({ manifest, isWhole }) => isWhole && manifest.createdAt <= adoptedAt);
  // An adoption that was stopped and run again backed up what it had half done as well: the first was before all of it.
  const other = before.findIndex(({ manifest }) => !isBeforeAdoption(manifest));
  const ofAdoption = other < 0 ? before : before.slice(0, other);
  return ofAdoption.at(-1) ?? before[0] ?? null;
}

/** Says that a database need not have had the schemas that it goes back to, and where it is as it was. */
export function bridgeFacts({ adoptedAt, backup, place, problem }: UndoneBridge): readonly Fact[] {
  const on = adoptedAt === null ? "" : ` on ${adoptedAt}`;
  return [
    ["adopted", `by a bridge${on}: the scripts lead back to schemas that it need not have had`],
    [
      "as it was",
      problem !== null
        ? `not known: ${problem.message}`
        : backup === null
        ? `in no backup in ${place}`
        : `on ${backup.manifest.createdAt}: harbor-db restore ${quoteForShell(backup.path)}${
          backup.manifest.encryption === null ? "" : " --identity <file>"
        }`,
    ],
  ];
}
