import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { journalOf } from "./harbor.ts";
import type { BenchRevision } from "./history.ts";
import { outputOf, sqlitePath, sqlOf, type Target, type Tool, wordsOf } from "./tool.ts";

/** dbmate, in Go: one binary. */
export function dbmateTool(cache: string): Tool {
  const file = join(cache, "node_modules/@dbmate", `${process.platform}-${process.arch}`, "bin/dbmate");
  const command = ({ dialect, url, folder }: Target, ...args: readonly string[]) => ({
    file,
    args: [
      "--no-dump-schema",
      `--migrations-dir=${folder}`,
      `--url=${dialect === "sqlite" ? `sqlite:${sqlitePath(url)}` : `${url}?sslmode=disable`}`,
      ...args,
    ],
  });
  return {
    name: "dbmate",
    version: outputOf(file, "--version").replace(/^.* /, ""),
    dialects: ["sqlite", "postgresql"],
    versionCommand: { file, args: ["--version"] },
    prepare(folder, { revisions }) {
      for (const [index, { name, statements }] of revisions.entries()) {
        const text = `-- migrate:up\n${sqlOf(statements)}\n-- migrate:down\n`;
        writeFileSync(join(folder, `${String(index + 1).padStart(5, "0")}_${wordsOf(name)}.sql`), text);
      }
    },
    upgrade: (target) => command(target, "migrate"),
    status: (target) => command(target, "status"),
    baseline: () => [
      "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)",
      "INSERT INTO schema_migrations VALUES ('00001')",
    ],
  };
}

/** drizzle-kit's own `migrate`. */
export function drizzleTool(cache: string): Tool {
  const script = join(cache, "node_modules/drizzle-kit/bin.cjs");
  if (!existsSync(script)) throw new Error("npm could not install it");
  const node = outputOf("sh", "-c", "command -v node");
  const when = (index: number) => 1_700_000_000_000 + index;
  return {
    name: "drizzle-kit",
    version: /drizzle-kit: v(\S+)/.exec(outputOf(node, script, "--version"))?.[1] ?? "?",
    dialects: ["sqlite", "postgresql"],
    versionCommand: { file: node, args: [script, "--version"] },
    prepare(folder, { dialect, revisions }) {
      mkdirSync(join(folder, "meta"), { recursive: true });
      writeFileSync(join(folder, "meta/_journal.json"), journalOf(dialect, revisions, when));
      for (const { id, name, statements } of revisions) {
        const text = statements.map((statement) => `${statement};`).join("\n--> statement-breakpoint\n");
        writeFileSync(join(folder, `${id}_${wordsOf(name)}.sql`), `${text}\n`);
      }
    },
    upgrade({ dialect, url, folder }) {
      const config = join(folder, "drizzle.config.json");
      const address = dialect === "sqlite" ? `file:${sqlitePath(url)}` : url;
      writeFileSync(config, JSON.stringify({ dialect, out: folder, dbCredentials: { url: address } }));
      return { file: node, args: [script, "migrate", `--config=${config}`], cwd: folder };
    },
    status: () => null,
    baseline: ({ dialect }) => {
      const table = dialect === "sqlite" ? "__drizzle_migrations" : "drizzle.__drizzle_migrations";
      return [
        ...(dialect === "sqlite" ? [] : ["CREATE SCHEMA drizzle"]),
        `CREATE TABLE ${table} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at ${
          dialect === "sqlite" ? "numeric" : "bigint"
        })`,
        `INSERT INTO ${table} (hash, created_at) VALUES ('baseline', ${when(0)})`,
      ];
    },
  };
}

/** node-pg-migrate, for PostgreSQL only. */
export function nodePgMigrateTool(cache: string): Tool {
  const script = join(cache, "node_modules/node-pg-migrate/bin/node-pg-migrate.js");
  if (!existsSync(script)) throw new Error("npm could not install it");
  const node = outputOf("sh", "-c", "command -v node");
  const nameOf = ({ name }: BenchRevision, index: number) => `${1_700_000_000_000 + index}_${wordsOf(name)}`;
  return {
    name: "node-pg-migrate",
    // Its own --version says "unknown".
    version: (JSON.parse(readFileSync(join(cache, "node_modules/node-pg-migrate/package.json"), "utf8")) as {
      readonly version: string;
    }).version,
    dialects: ["postgresql"],
    versionCommand: { file: node, args: [script, "--version"] },
    prepare(folder, { revisions }) {
      for (const [index, revision] of revisions.entries()) {
        const text = `-- Up Migration\n${sqlOf(revision.statements)}\n-- Down Migration\n`;
        writeFileSync(join(folder, `${nameOf(revision, index)}.sql`), text);
      }
    },
    upgrade: ({ url, folder }) => ({
      file: node,
      args: [script, "up", `--migrations-dir=${folder}`, "--no-verbose"],
      env: { DATABASE_URL: url },
    }),
    status: () => null,
    baseline: ({ revisions }) => [
      "CREATE TABLE pgmigrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)",
      `INSERT INTO pgmigrations (name, run_on) VALUES ('${nameOf(revisions[0]!, 0)}', now())`,
    ],
  };
}
