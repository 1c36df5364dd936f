import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, databasesOf, paired, type Part, type Section, withFolders } from "./bench.ts";
import { startClient } from "./beside.ts";
import type { JournalMode } from "./databases.ts";
import { atMost } from "./goals.ts";
import { harborCommand } from "./harbor.ts";
import { type Command, run } from "./process.ts";
import { sqlitePath, type Target, type Tool } from "./tool.ts";

/** `verify` on a healthy database, beside the application at work. */
export const verifyPart: Part = {
  name: "verify",
  summary: "verify of 1,000,000 files, with a writer every 5 ms beside it",
  async measure(bench) {
    return [
      await measureSqlite(bench, "wal"),
      await measureSqlite(bench, "delete"),
      await measurePostgres(bench),
    ];
  },
};

const names = {
  total: "total, ms",
  longest: "longest wait of a writer, ms",
  p99: "99th percentile of its waits, ms",
  errors: "errors",
  memory: "peak memory, MB",
};

/** What is run in one turn, under the name of its column. */
type Turns = Readonly<Record<string, (target: Target) => Command>>;

function harborTurns(binary: string): Turns {
  const verify = (...args: readonly string[]) => (target: Target) =>
    harborCommand(binary, target, ["verify", "--skip", "backup", ...args]);
  return {
    "harbor-db": verify(),
    "harbor-db --quick": verify("--quick"),
    "nothing beside it": () => ({ file: "sleep", args: ["2"] }),
  };
}

function measureSqlite(bench: Bench, journalMode: JournalMode): Promise<Section> {
  return measureOn(bench, {
    title: `verify on SQLite, ${journalMode === "wal" ? "WAL" : "rollback journal"}`,
    dialect: "sqlite",
    journalMode,
    turns: {
      ...harborTurns(bench.binary),
      "sqlite3 integrity_check": ({ url }) => ({
        file: "sqlite3",
        args: ["-cmd", ".timeout 5000", sqlitePath(url), "PRAGMA integrity_check"],
      }),
    },
  });
}

function measurePostgres(bench: Bench): Promise<Section> {
  return measureOn(bench, {
    title: "verify on PostgreSQL",
    dialect: "postgresql",
    journalMode: "delete",
    turns: harborTurns(bench.binary),
  });
}

interface Case {
  readonly title: string;
  readonly dialect: "sqlite" | "postgresql";
  readonly journalMode: JournalMode;
  readonly turns: Turns;
}

async function measureOn(bench: Bench, { title, dialect, journalMode, turns }: Case): Promise<Section> {
  bench.note(`${title}, ${bench.files} files`);
  const [own] = bench.tools;
  const tools = Object.keys(turns).map((name): Tool => ({ ...own!, name }));
  const databases = databasesOf(bench, dialect);
  const wanted = { files: bench.files, journalMode, statements: [] };
  const { measures, failures } = await withFolders(
    tools,
    () => {},
    (folderOf) =>
      databases.withDatabase(wanted, async (url) => {
        const target = (tool: Tool): Target => ({ dialect, url, folder: folderOf(tool), to: "head" });
        for (const args of [["stamp", "71dda59686db", "--yes"], ["upgrade", "--no-backup"]]) {
          await run(harborCommand(bench.binary, target(tools[0]!), [...args, "--quiet"]));
        }
        return await paired(bench, tools, async (tool) => {
          const writer = await startClient(url, { role: "writer", timeoutMs: 5_000 });
          const ran = await run(turns[tool.name]!(target(tool))).catch(async (error) => {
            await writer.end();
            throw error;
          });
          const [seen] = await writer.end(ran);
          // The writer gives its rows the same uuids each time it runs.
          await databases.run(url, ["DELETE FROM files WHERE uuid LIKE 'beside-%'"]);
          await sleep(100);
          const isIdle = tool.name === "nothing beside it";
          return {
            ...isIdle ? {} : { [names.total]: ran.ms },
            [names.longest]: seen.longestMs,
            [names.p99]: seen.p99Ms,
            [names.errors]: seen.errors,
            ...isIdle ? {} : { [names.memory]: ran.peakMb },
          };
        });
      }),
  );
  const memory = measures.find(({ name }) => name === names.memory)!;
  return {
    title,
    text:
      `${bench.files} files at head, nothing wrong with them; beside it a writer that inserts and updates every 5 ms. Each run ends with exit code 0.`,
    measures,
    failures,
    goals: atMost(memory, 150),
  };
}
