import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Bench, databasesOf, paired, type Part, type Section, withFolders } from "./bench.ts";
import { atMost, fasterThan } from "./goals.ts";
import { harborCommand } from "./harbor.ts";
import { applicationHistory } from "./history.ts";
import { type Ran, run } from "./process.ts";
import { median } from "./stats.ts";
import { sqlitePath, type Target, type Tool } from "./tool.ts";

/** Backup and its proof. */
export const backupPart: Part = {
  name: "backup",
  summary:
    "backup and its proof, 1 GB on SQLite and 1,000,000 files on PostgreSQL, and before a small upgrade",
  measure: async (
    bench,
  ) => [await backup(bench, onSqlite), await backup(bench, onPostgres), await smallUpgrade(bench)],
};

const names = {
  copy: "copy, ms",
  proof: "proof, ms",
  total: "copy and proof, ms",
  memory: "peak memory, MB",
};

/** What one way to make a backup took. */
type Sample = Readonly<Record<string, number>>;

/** Makes a backup with a tool in its folder. */
type Turn = (binary: string, target: Target) => Promise<Sample>;

interface Case {
  readonly title: string;
  readonly text: string;
  readonly dialect: "sqlite" | "postgresql";
  /** So many times the files of the other parts. */
  readonly times: number;
  readonly peer: string;
  /** By the names of their columns. */
  readonly turns: Readonly<Record<string, Turn>>;
}

const onSqlite: Case = {
  title: "Backup on SQLite",
  text:
    "The application's tables in WAL mode. harbor-db's proof: integrity_check of the copy, and the digests of all rows of both. sqlite3's: `PRAGMA integrity_check` of the copy.",
  dialect: "sqlite",
  // About 1 GB for the usual million.
  times: 4,
  peer: "sqlite3 .backup",
  turns: { "harbor-db": harborBackup(), "sqlite3 .backup": sqliteShellBackup },
};

const onPostgres: Case = {
  title: "Backup on PostgreSQL",
  text:
    "harbor-db's proof: the copy restored into a scratch database, and the digests of all rows of both; those of the source are taken while pg_dump works. pg_dump's: none.",
  dialect: "postgresql",
  times: 1,
  peer: "pg_dump -Fc",
  turns: {
    "harbor-db": harborBackup("--backup-engine", "pg_dump"),
    "harbor-db, own engine": harborBackup("--backup-engine", "harbor"),
    "pg_dump -Fc": pgDumpBackup,
  },
};

async function backup(bench: Bench, { title, text, dialect, times, peer, turns }: Case): Promise<Section> {
  const files = bench.files * times;
  bench.note(`${title}, ${files} files`);
  const [own] = bench.tools;
  const tools = Object.keys(turns).map((name): Tool => ({ ...own!, name }));
  const { measures, failures } = await withFolders(
    tools,
    () => {},
    (folderOf) =>
      databasesOf(bench, dialect).withDatabase({ files, journalMode: "wal", statements: [] }, async (url) => {
        const targetOf = (tool: Tool): Target => ({
          dialect,
          url,
          folder: folderOf(tool),
          to: "71dda59686db",
        });
        await run(
          harborCommand(bench.binary, targetOf(tools[0]!), ["stamp", "71dda59686db", "--yes", "--quiet"]),
        );
        return await paired(bench, tools, (tool) => turns[tool.name]!(bench.binary, targetOf(tool)));
      }),
  );
  const measureOf = (name: string) => measures.find((measure) => measure.name === name)!;
  return {
    title,
    text: `${files.toLocaleString("en-US")} files. ${text}`,
    measures,
    failures,
    goals: [...fasterThan(measureOf(names.copy), peer, 0.8), ...atMost(measureOf(names.memory), 200)],
  };
}

function harborBackup(...args: readonly string[]): Turn {
  return async (binary, target) => {
    const folder = join(target.folder, "backups");
    const made = await run(
      harborCommand(binary, target, ["backup", "--json", "--backup-dir", folder, ...args]),
    );
    const { backup: { copyMs } } = JSON.parse(made.stdout) as { backup: { copyMs: number } };
    rmSync(folder, { recursive: true });
    return sampleOf(copyMs, made.ms, [made]);
  };
}

async function sqliteShellBackup(_binary: string, { url, folder }: Target): Promise<Sample> {
  const copy = join(folder, "copy.db");
  const made = await run({ file: "sqlite3", args: [sqlitePath(url), `.backup '${copy}'`] });
  const checked = await run({ file: "sqlite3", args: [copy, "PRAGMA integrity_check"] });
  rmSync(copy);
  return sampleOf(made.ms, made.ms + checked.ms, [made, checked]);
}

async function pgDumpBackup(_binary: string, { url, folder }: Target): Promise<Sample> {
  const args = ["--format=custom", `--file=${join(folder, "copy.dump")}`, url];
  const made = await run({ file: "pg_dump", args });
  return { [names.copy]: made.ms, [names.memory]: made.peakMb };
}

function sampleOf(copyMs: number, totalMs: number, runs: readonly Ran[]): Sample {
  return {
    [names.copy]: copyMs,
    [names.proof]: totalMs - copyMs,
    [names.total]: totalMs,
    [names.memory]: Math.max(...runs.map(({ peakMb }) => peakMb)),
  };
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
            await run({ ...upgrade, args: ["stamp", "71dda59686db", "--yes", "--quiet"] });
            const args = upgrade.args.filter((argument) => tool !== own || argument !== "--no-backup");
            return { "upgrade, ms": (await run({ ...upgrade, args })).ms };
          }),
      ),
  );
  const [withBackup = NaN, without = NaN] = measures[0]!.series.map(({ samples }) => median(samples));
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
