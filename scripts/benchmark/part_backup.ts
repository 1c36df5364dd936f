import { join } from "node:path";
import { type Bench, databasesOf, paired, type Part, type Section, withFolders } from "./bench.ts";
import { harborCommand } from "./harbor.ts";
import { applicationHistory } from "./history.ts";
import { run } from "./process.ts";
import { outputOf, sqlitePath, type Target, type Tool } from "./tool.ts";

/** Backup and its proof. */
export const backupPart: Part = {
  name: "backup",
  summary: "backup and verify of 1,000,000 files, and what the proven backup adds to a small upgrade",
  async measure(bench) {
    // A build without the command has nothing to measure here.
    if (!/^ {2}backup/m.test(outputOf(bench.binary, "help"))) return [];
    return [
      await backup(bench, "sqlite"),
      await backup(bench, "postgresql"),
      await smallUpgrade(bench),
    ];
  },
};

async function backup(bench: Bench, dialect: "sqlite" | "postgresql"): Promise<Section> {
  const name = dialect === "sqlite" ? "SQLite" : "PostgreSQL";
  bench.note(`backup of ${bench.files} files on ${name}`);
  const floor = dialect === "sqlite" ? "sqlite3" : "psql";
  const tools = bench.tools.filter((tool) => tool.name === "harbor-db" || tool.name === floor);
  const { measures, failures } = await withFolders(
    tools,
    () => {},
    (folderOf) =>
      databasesOf(bench, dialect).withDatabase(
        { files: bench.files, journalMode: "wal", statements: [] },
        async (url) => {
          const targetOf = (tool: Tool): Target => ({
            dialect,
            url,
            folder: folderOf(tool),
            to: "71dda59686db",
          });
          const own = tools.find((tool) => tool.name === "harbor-db")!;
          await run(harborCommand(bench.binary, targetOf(own), ["stamp", "71dda59686db", "--quiet"]));
          return await paired(bench, tools, async (tool) => {
            const target = targetOf(tool);
            if (tool.name !== "harbor-db") {
              const ran = await run(floorCommand(target));
              return { "backup, ms": ran.ms, "peak memory, MB": ran.peakMb };
            }
            const made = await run(harborCommand(bench.binary, target, ["backup", "--json"]));
            const { backup: { path } } = JSON.parse(made.stdout) as { backup: { path: string } };
            const proven = await run(harborCommand(bench.binary, target, ["backup", "verify", path]));
            const peakMb = Math.max(made.peakMb, proven.peakMb);
            return { "backup, ms": made.ms, "verify, ms": proven.ms, "peak memory, MB": peakMb };
          });
        },
      ),
  );
  return {
    title: `Backup on ${name}`,
    text: `${bench.files} files. harbor-db's is proven; ${
      dialect === "sqlite" ? "sqlite3's `.backup`" : "`pg_dump --format=custom`"
    } is not.`,
    measures,
    failures,
    goals: [],
  };
}

function floorCommand({ dialect, url, folder }: Target) {
  return dialect === "sqlite"
    ? { file: "sqlite3", args: [sqlitePath(url), `.backup ${join(folder, "copy.db")}`] }
    : { file: "pg_dump", args: ["--format=custom", `--file=${join(folder, "copy.dump")}`, url] };
}

/** What the proven backup adds to the second revision on a small database. */
async function smallUpgrade(bench: Bench): Promise<Section> {
  bench.note("upgrade with and without a backup");
  const own = bench.tools.find((tool) => tool.name === "harbor-db")!;
  const tools: readonly Tool[] = [own, { ...own, name: "without a backup" }];
  const history = applicationHistory("sqlite");
  const { measures, failures } = await withFolders(
    tools,
    (tool, folder) => tool.prepare(folder, history, 1),
    (folderOf) =>
      paired(
        bench,
        tools,
        (tool) =>
          bench.sqlite.withDatabase({ files: 100, journalMode: "delete", statements: [] }, async (url) => {
            const target = { dialect: "sqlite", url, folder: folderOf(tool), to: "5b09ebe23c76" } as const;
            const upgrade = tool.upgrade(target);
            await run({ ...upgrade, args: ["stamp", "71dda59686db", "--quiet"] });
            const args = upgrade.args.filter((argument) => tool !== own || argument !== "--no-backup");
            return { "upgrade, ms": (await run({ ...upgrade, args })).ms };
          }),
      ),
  );
  const [measure] = measures;
  const [withBackup = NaN, without = NaN] = measure!.series.map(({ samples }) =>
    samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)]!
  );
  const more = withBackup - without;
  return {
    title: "An upgrade with the proven backup",
    text: "100 files on SQLite, from the first revision to the second.",
    measures,
    failures,
    goals: [{
      text: "the proven backup adds at most 60 ms",
      found: `${more.toFixed(1)} ms`,
      isReached: more <= 60,
    }],
  };
}
