import { type ErrorCode, HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { type History, type Revision, scriptChecksum } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { parseScript } from "../../history/scripts/script.ts";
import { migrate } from "../../migrate/migrate.ts";
import { type KitSnapshot, readKitSnapshot } from "../../schema/kit_snapshot.ts";
import { stamp } from "../../state/stamp.ts";
import { hostHint } from "./place.ts";

/** The snapshot at which a proof began, in the place of scripts that do not run. */
export interface Ground {
  /** The baseline, whose snapshot it is. */
  readonly revision: string;
  /** Why the scripts up to it do not run. */
  readonly reason: string;
  /** What may let them run. */
  readonly hint: string | null;
}

/** Writes the script that makes the whole schema of a snapshot in an empty database. */
export type DraftWhole = (snapshot: KitSnapshot) => Promise<string>;

/** Says from where something was proven, and why. */
export function groundWords({ revision, reason }: Ground): string {
  return `proven from the snapshot of ${revision} on, and not from base, since the scripts up to it do not run: ${reason}`;
}

/** By what a script fails. Anything else, such as a server that is gone, says nothing of it. */
const ofScripts: readonly ErrorCode[] = [
  "statement_failed",
  "bad_script",
  "missing_table",
  "dangling_reference",
  "data_conflict",
  "read_only",
  // Code that reaches out of the scratch database.
  "check_failed",
];

/** Returns what a proof begins at where the scripts up to the baseline failed; `null` where that stays an error. */
export function groundBehind(
  { cause }: HarborError,
  baseline: Revision,
  host: History["host"],
): Ground | null {
  if (!(cause instanceof HarborError) || !ofScripts.includes(cause.code)) return null;
  if (snapshotIfThere(baseline) === null) return null;
  const [hint = null] = hostHint(host, cause.details);
  return { revision: baseline.id, reason: cause.message, hint };
}

/**
 * Makes the schema of a revision in a scratch database out of its snapshot, and records it and all before it as applied, as a
 * stamp does. What no snapshot has (functions, triggers, rows) is not there.
 */
export async function layGround(
  context: RunContext,
  { baseline, draftWhole }: { readonly baseline: Revision; readonly draftWhole: DraftWhole },
): Promise<void> {
  const { dialect } = context.history;
  const snapshot = readKitSnapshot(baseline.snapshot());
  const text = await draftWhole(snapshot).catch((cause: unknown) => {
    if (cause instanceof HarborError) throw cause;
    // drizzle-kit wants more of a snapshot than is needed to read one, as of old ones that others wrote.
    throw new HarborError("bad_history", `Cannot make the schema of revision "${baseline.id}"`, {
      state: "drizzle-kit does not take its snapshot",
      cause,
    });
  });
  const script = parseScript({ file: `the snapshot of ${baseline.id}`, text, dialect });
  const whole: Revision = {
    ...baseline,
    parent: null,
    checksum: scriptChecksum(text),
    upgrade: () => script,
    upgradeText: () => text,
    downgrade: () => null,
    downgradeText: () => null,
  };
  const history = { dialect, revisions: [whole] };
  await migrate({ ...context, history }, {
    goal: { direction: "upgrade", text: baseline.id },
    lockWaitMs: 0,
  });
  await stamp(context, baseline.id, 0);
}
