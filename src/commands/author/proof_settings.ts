import { type Dialect, dialects } from "../../base/dialect.ts";
import { type NotRun, notRunOn, type ProofSetting } from "../../author/proof/begin.ts";
import type { DraftWhole } from "../../author/proof/ground.ts";
import type { App } from "../../cli/app.ts";
import { readUrl } from "../../cli/read_url.ts";

/**
 * Returns what scripts are tried on: SQLite in memory, and the PostgreSQL server that was named. What the environment
 * or `.env` calls the application's database is not taken for that.
 */
export async function proofSettings(
  { system, settings, report }: App,
  proveUrl: string | undefined,
): Promise<ReadonlyMap<Dialect, ProofSetting>> {
  const { openScratch } = await import("../../engines/open/scratch.ts");
  const common = {
    version: system.build.version,
    signal: system.signal,
    now: () => new Date(),
    draftWhole,
  };
  const named = proveUrl ?? settings.databaseUrl;
  const url = named === undefined ? null : readUrl(named, system);
  const found = new Map<Dialect, ProofSetting>();
  for (const dialect of dialects) {
    const scratch = await openScratch(dialect, url, {
      client: system.client,
      onLeft: (text) => report.event({ kind: "note", text }),
    });
    if (scratch !== null) found.set(dialect, { ...common, scratch });
  }
  return found;
}

/** Says what the proofs on these settings did not run, and returns it for `--json`. */
export function tellNotRun({ report }: App, settings: ReadonlyMap<Dialect, ProofSetting>): readonly NotRun[] {
  const notRun = notRunOn(settings);
  for (const { dialect, text } of notRun) report.line(report.colors.magenta(`${dialect}: ${text}`));
  return notRun;
}

/** What loads drizzle-kit, which few proofs need, is loaded when it is asked for. */
const draftWhole: DraftWhole = async (snapshot) => {
  const [drafts, { loadDrizzleEngine }] = await Promise.all([
    import("../../author/draft_revision.ts"),
    import("../../author/project/drizzle_engine.ts"),
  ]);
  return (await drafts.draftWhole("From its snapshot", snapshot, await loadDrizzleEngine())).up;
};
