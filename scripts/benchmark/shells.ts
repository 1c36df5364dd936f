import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchHistory } from "./history.ts";
import { outputOf, sqlitePath, sqlOf, type Tool } from "./tool.ts";

/** The floor on SQLite: the statements themselves, in one transaction. */
export function sqliteShell(): Tool {
  return {
    name: "sqlite3",
    version: outputOf("sqlite3", "--version").split(" ")[0]!,
    dialects: ["sqlite"],
    versionCommand: { file: "sqlite3", args: ["--version"] },
    prepare: (folder, history, applied) =>
      writeFileSync(join(folder, "all.sql"), wholeScript(history, applied)),
    upgrade: ({ url, folder }) => ({
      file: "sqlite3",
      args: ["-bail", "-cmd", ".timeout 5000", sqlitePath(url), `.read ${join(folder, "all.sql")}`],
    }),
    status: ({ url }) => ({ file: "sqlite3", args: [sqlitePath(url), "SELECT count(*) FROM sqlite_schema"] }),
    baseline: () => [],
  };
}

/** The floor on PostgreSQL. */
export function psqlShell(): Tool {
  const options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"];
  return {
    name: "psql",
    version: /(\d+(\.\d+)+)/.exec(outputOf("psql", "--version"))?.[1] ?? "?",
    dialects: ["postgresql"],
    versionCommand: { file: "psql", args: ["--version"] },
    prepare: (folder, history, applied) =>
      writeFileSync(join(folder, "all.sql"), wholeScript(history, applied)),
    upgrade: ({ url, folder }) => ({
      file: "psql",
      args: [...options, `--file=${join(folder, "all.sql")}`, url],
    }),
    status: ({ url }) => ({
      file: "psql",
      args: [...options, "--command=SELECT count(*) FROM pg_class", url],
    }),
    baseline: () => [],
  };
}

function wholeScript({ revisions }: BenchHistory, applied: number): string {
  return revisions.slice(applied).map(({ statements }) => `BEGIN;\n${sqlOf(statements)}\nCOMMIT;\n`).join("");
}
