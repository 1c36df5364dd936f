import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alembicTool } from "./alembic.ts";
import { harborTool } from "./harbor.ts";
import { dbmateTool, drizzleTool, nodePgMigrateTool } from "./npm_tools.ts";
import { psqlShell, sqliteShell } from "./shells.ts";
import type { MissingTool, Tool } from "./tool.ts";
import { messageOf } from "../../src/base/errors.ts";

/** The tools of one bench. */
export interface Tools {
  readonly tools: readonly Tool[];
  readonly missing: readonly MissingTool[];
}

/** What npm brings, at fixed versions, so that two benches compare the same. */
const packages = [
  "dbmate@2.36.0",
  "drizzle-kit@0.31.11",
  "drizzle-orm@0.45.4",
  "@libsql/client@0.18.0",
  "node-pg-migrate@9.0.0",
  "pg@8.16.3",
];

/** Installs what can be had, and returns all tools that then work. */
export function findTools(binary: string, cache: string): Tools {
  installPackages(cache);
  const tools: Tool[] = [];
  const missing: MissingTool[] = [];
  const makers: readonly [string, () => Tool][] = [
    ["harbor-db", () => harborTool(binary)],
    ["dbmate", () => dbmateTool(cache)],
    ["alembic", () => alembicTool()],
    ["drizzle-kit", () => drizzleTool(cache)],
    ["node-pg-migrate", () => nodePgMigrateTool(cache)],
    ["sqlite3", () => sqliteShell()],
    ["psql", () => psqlShell()],
  ];
  for (const [name, make] of makers) {
    try {
      tools.push(make());
    } catch (error) {
      missing.push({
        name,
        reason: messageOf(error).split("\n")[0]!,
      });
    }
  }
  return { tools, missing };
}

function installPackages(cache: string): void {
  mkdirSync(cache, { recursive: true });
  const marker = join(cache, `installed ${packages.join(" ")}`.replaceAll("/", "_"));
  if (existsSync(marker)) return;
  const manifest = join(cache, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, `{"private":true}\n`);
  try {
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
    execFileSync("npm", ["install", ...quiet, ...packages], {
      cwd: cache,
      stdio: ["ignore", "ignore", "inherit"],
    });
    writeFileSync(marker, "");
  } catch {
    // Without a registry, each tool that is not there is named as missing.
  }
}
