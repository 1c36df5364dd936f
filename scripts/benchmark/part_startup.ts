import {
  type Bench,
  databasesOf,
  paired,
  type Part,
  type Section,
  toolsFor,
  withDatabases,
  withFolders,
} from "./bench.ts";
import { atMostTimes } from "./goals.ts";
import { applicationHistory } from "./history.ts";
import { type Command, run } from "./process.ts";
import type { Tool } from "./tool.ts";

/** How many runs are made for each of the others: these are over in a moment, and vary the most. */
const more = 3;

/** Start-up: the version, help, and where a database stands. */
export const startupPart: Part = {
  name: "startup",
  summary: "--version, --help, and status on SQLite and PostgreSQL",
  async measure(bench) {
    const often = { ...bench, runs: bench.runs * more };
    return [
      await words(often, "--version", (tool) => tool.versionCommand),
      // sqlite3 ends with 1 behind its help.
      await words(
        { ...often, tools: often.tools.filter(({ name }) => name !== "sqlite3") },
        "--help",
        ({ versionCommand }) => ({ ...versionCommand, args: ["--help"] }),
      ),
      await status(often, "sqlite"),
      await status(often, "postgresql"),
    ];
  },
};

/** What a tool says of itself, without a database. */
async function words(bench: Bench, option: string, commandOf: (tool: Tool) => Command): Promise<Section> {
  bench.note(option);
  const { measures, failures } = await paired(bench, bench.tools, async (tool) => ({
    [`${option}, ms`]: (await run(commandOf(tool))).ms,
  }));
  return {
    title: `Start-up: \`${option}\``,
    text: "From the start of the process to its end.",
    measures,
    failures,
    goals: measures.flatMap((
      each,
    ) => [...atMostTimes(each, "dbmate", 1), ...atMostTimes(each, "alembic", 1 / 15)]),
  };
}

async function status(bench: Bench, dialect: "sqlite" | "postgresql"): Promise<Section> {
  bench.note(`status on ${dialect}`);
  const history = applicationHistory(dialect);
  const databases = databasesOf(bench, dialect);
  const tools = toolsFor(bench, dialect).filter((tool) =>
    tool.status({ dialect, url: "", folder: "" }) !== null
  );
  const { measures, failures } = await withFolders(
    tools,
    (tool, folder) => tool.prepare(folder, history, 0),
    (folderOf) =>
      withDatabases(databases, tools, async (urlOf) => {
        const targetOf = (tool: Tool) => ({
          dialect,
          url: urlOf(tool),
          folder: folderOf(tool),
          to: history.revisions.at(-1)!.id,
        });
        for (const tool of tools) await run(tool.upgrade(targetOf(tool)));
        return await paired(bench, tools, async (tool) => ({
          "status, ms": (await run(tool.status(targetOf(tool))!)).ms,
        }));
      }),
  );
  return {
    title: `Start-up: \`status\` on ${dialect === "sqlite" ? "SQLite" : "PostgreSQL"}`,
    text: "A database at the application's second revision. alembic: `current`; the shells: one query.",
    measures,
    failures,
    goals: measures.flatMap((
      each,
    ) => [...atMostTimes(each, "dbmate", 1), ...atMostTimes(each, "alembic", 1 / 15)]),
  };
}
