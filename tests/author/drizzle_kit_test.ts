import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { compareSnapshots } from "../../src/schema/compare/snapshots.ts";
import { sqliteUrl, withTestDatabase } from "../support/databases.ts";
import { withFreshPostgres } from "../support/servers/postgres_server.ts";
import { projectFile } from "../support/project.ts";
import { type SchemaProject, withSchemaProject } from "../support/samples/schema_project.ts";

// drizzle-kit's own commands, on the folders that harbor-db keeps. It is a Node program.

const run = promisify(execFile);
const program = projectFile("node_modules/drizzle-kit/bin.cjs");
const folders = [["sqlite", "sqlite"], ["postgresql", "postgresql"]] as const;

/** Writes drizzle-kit's configuration for a database, and lets it find its packages. */
async function configure(project: SchemaProject, dialect: string, url: string): Promise<void> {
  const config = { dialect, out: `drizzle/${dialect}`, schema: "./schema.ts", dbCredentials: { url } };
  await writeFile(join(project.cwd, `${dialect}.config.mjs`), `export default ${JSON.stringify(config)};`);
  await symlink(projectFile("node_modules"), join(project.cwd, "node_modules")).catch(() => {});
}

async function kit(project: SchemaProject, command: string, dialect: string): Promise<string> {
  const { stdout } = await run("node", [program, command, "--config", `${dialect}.config.mjs`], {
    cwd: project.cwd,
  });
  return stdout;
}

/** A database for drizzle-kit and one for harbor-db, by the URLs that each takes. */
function withTwoDatabases(
  dialect: "sqlite" | "postgresql",
  project: SchemaProject,
  work: (kitUrl: string, ownUrl: string, kitOwnUrl: string) => Promise<void>,
): Promise<void> {
  if (dialect === "sqlite") {
    const path = (name: string) => join(project.cwd, name);
    return work(`file:${path("kit.db")}`, sqliteUrl(path("own.db")), sqliteUrl(path("kit.db")));
  }
  return withFreshPostgres(15, (kitUrl) => withFreshPostgres(15, (ownUrl) => work(kitUrl, ownUrl, kitUrl)));
}

for (const [dialect] of folders) {
  test(`drizzle-kit check and migrate work on drizzle/${dialect}, generated revisions included, and end at upgrade's schema`, () =>
    withSchemaProject(async (project) => {
      await project.edit(
        "medium_path: varchar({ length: 500 }),",
        'medium_path: varchar({ length: 500 }),\n  kind: varchar({ length: 9 }).notNull().default("a"),\n  token: text().notNull().default(sql`gen_random_uuid()::text`),',
      );
      const last = 'check("files_storage_backend_check"';
      await project.edit(
        last,
        `index("ix_files_kind").on(files.kind),\n  check("files_kind_check", sql\`"kind" IN ('a', 'b')\`),\n  ${last}`,
      );
      const generated = await project.run(["generate", "Add kinds and tokens"]);
      assert.equal(generated.code, 0, generated.stderr);
      await withTwoDatabases(dialect, project, async (kitUrl, ownUrl, kitOwnUrl) => {
        await configure(project, dialect, kitUrl);
        assert.match(await kit(project, "check", dialect), /Everything's fine/);
        await kit(project, "migrate", dialect);
        const upgraded = await project.run([
          "upgrade",
          "--dir",
          "drizzle",
          "--no-backup",
          "--database-url",
          ownUrl,
        ]);
        assert.equal(upgraded.code, 0, upgraded.stderr);
        const [byKit, own] = [
          await withTestDatabase(kitOwnUrl, (database) => database.introspect()),
          await withTestDatabase(ownUrl, (database) => database.introspect()),
        ];
        assert.ok(
          own.tables.find(({ name }) => name === "files")!.columns.some(({ name }) => name === "token"),
        );
        assert.deepEqual(compareSnapshots(own, byKit), []);
      });
    }));
}

test("drizzle-kit studio starts on drizzle/sqlite", () =>
  withSchemaProject(async (project) => {
    await configure(project, "sqlite", `file:${join(project.cwd, "kit.db")}`);
    await kit(project, "migrate", "sqlite");
    const args = [program, "studio", "--config", "sqlite.config.mjs", "--port", String(await freePort())];
    const studio = spawn("node", args, { cwd: project.cwd, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => studio.once("close", resolve));
    try {
      let said = "";
      await new Promise<void>((resolve, reject) => {
        for (const stream of [studio.stdout, studio.stderr]) {
          stream.setEncoding("utf8").on("data", (text: string) => {
            said += text;
            if (said.includes("up and running")) resolve();
          });
        }
        studio.once("close", () => reject(new Error(`it ended: ${said}`)));
      });
    } finally {
      studio.kill();
      await ended;
    }
  }));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
