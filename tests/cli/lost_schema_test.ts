import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { engines, withFolder } from "../support/databases.ts";
import { openProject } from "../support/samples/schema_project.ts";

const postgres = engines.find(({ name }) => name === "postgres 15")!;

const notes = `export const notes = pgTable("notes", { id: integer().primaryKey() });\n`;
const audit =
  `export const audit = pgSchema("audit");\nexport const events = audit.table("events", { id: integer().primaryKey() });\n`;

for (const engine of ["harbor", "pg_dump"]) {
  test(`${engine}: a restore names the tables of a schema of which the backup holds nothing, and their rows are in what it keeps`, () =>
    postgres.withDatabase((url) =>
      withFolder(async (cwd) => {
        const project = openProject(cwd);
        await project.write(
          "drizzle.config.ts",
          `export default { dialect: "postgresql", schema: "./schema.ts", out: "./drizzle" };`,
        );
        const env = {
          DATABASE_URL: url,
          HARBOR_DB_BACKUP_DIR: join(cwd, "kept"),
          HARBOR_DB_BACKUP_ENGINE: engine,
        };
        const run = async (code: number, ...args: readonly string[]) => {
          const result = await project.run(args, { env });
          assert.equal(result.code, code, result.stdout + result.stderr);
          return result;
        };
        const revise = async (name: string, tables: string) => {
          await project.write(
            "schema.ts",
            `import { integer, pgSchema, pgTable } from "drizzle-orm/pg-core";\n${tables}`,
          );
          await run(0, "generate", name);
          await run(0, "upgrade", "--no-backup");
        };
        await revise("notes", notes);
        const { backup } = (await run(0, "backup", "--json")).json<{ backup: { path: string } }>();
        await revise("audit", notes + audit);
        await postgres.query(url, "INSERT INTO audit.events VALUES (1), (2)");
        const asked = await run(4, "restore", backup.path);
        assert.match(
          asked.stderr,
          /^goes +audit\.events, 2 rows: the backup holds nothing of the schema audit$/m,
        );
        const restored = (await run(0, "restore", backup.path, "--yes", "--json"))
          .json<{ safetyBackup: string; goes: readonly unknown[] }>();
        assert.deepEqual(restored.goes, [{ table: "audit.events", rows: 2, atLeast: false }]);
        assert.deepEqual(await postgres.query(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'audit'"), []);
        await run(0, "restore", restored.safetyBackup, "--yes");
        assert.deepEqual(await postgres.query(url, "SELECT count(*)::int AS n FROM audit.events"), [{
          n: 2,
        }]);
      })
    ));
}
