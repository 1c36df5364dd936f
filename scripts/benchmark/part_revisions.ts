import { type Bench, databasesOf, paired, type Part, type Section, toolsFor, withFolders } from "./bench.ts";
import { atMostTimes } from "./goals.ts";
import { applicationHistory, type BenchHistory, smallHistory } from "./history.ts";
import { run } from "./process.ts";

/** Upgrades of empty databases. */
export const revisionsPart: Part = {
  name: "revisions",
  summary: "the two-revision upgrade and 200 small revisions",
  async measure(bench) {
    const sections: Section[] = [];
    for (const dialect of ["sqlite", "postgresql"] as const) {
      sections.push(
        await upgrade(bench, applicationHistory(dialect), 1.2),
        await upgrade(bench, smallHistory(dialect, 200), 1),
      );
    }
    return sections;
  },
};

async function upgrade(bench: Bench, history: BenchHistory, times: number): Promise<Section> {
  const { dialect, revisions, builtIn } = history;
  const title = `${revisions.length} revisions on ${dialect === "sqlite" ? "SQLite" : "PostgreSQL"}`;
  bench.note(title);
  const databases = databasesOf(bench, dialect);
  const tools = toolsFor(bench, dialect);
  const { measures, failures } = await withFolders(
    tools,
    (tool, folder) => tool.prepare(folder, history, 0),
    (folderOf) =>
      paired(
        bench,
        tools,
        (tool) =>
          databases.withDatabase({ files: null, journalMode: "delete", statements: [] }, async (url) => {
            const target = {
              dialect,
              url,
              folder: folderOf(tool),
              ...(builtIn ? { to: revisions.at(-1)!.id } : {}),
            };
            const { ms, peakMb } = await run(tool.upgrade(target));
            return { "upgrade, ms": ms, "peak memory, MB": peakMb };
          }),
      ),
  );
  return {
    title,
    text: builtIn
      ? "The application's first two, on an empty database, without a backup."
      : "Each makes one small table. The shells run them as one script, a transaction each.",
    measures,
    failures,
    goals: measures.slice(0, 1).flatMap((each) => atMostTimes(each, "dbmate", times)),
  };
}
