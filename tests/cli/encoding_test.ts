import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { initial } from "../support/samples/application.ts";
import { withSchemaProject } from "../support/samples/schema_project.ts";
import { runHere } from "../support/run_here.ts";

const meta = "drizzle/sqlite/meta";
const rule = "-- rule green: what is\nSELECT id FROM files WHERE filename = 'grün';\n";
const query = "SELECT id FROM files WHERE filename = 'grün';\n";

// One row a file: what is written at its end and how, the command that reads it, and its exit code.
const files = [
  ["drizzle/rules.sql", rule, "latin1", ["verify", "--only", "data"], 1],
  ["drizzle/rules.sql", rule, "utf16le", ["verify", "--only", "data"], 1],
  ["queries.sql", query, "latin1", ["upgrade", "--queries", "queries.sql"], 1],
  ["queries.sql", query, "utf16le", ["upgrade", "--queries", "queries.sql"], 1],
  ["drizzle/releases.json", "ü", "latin1", ["check"], 3],
  ["drizzle/SHA256SUMS", "# grün\n", "latin1", ["check"], 1],
  ["drizzle/SHA256SUMS", "# grün\n", "utf16le", ["create", "New"], 1],
  ["drizzle/BASELINE", "# grün\n", "latin1", ["check"], 3],
  ["drizzle.config.ts", "// grün\n", "latin1", ["status"], 1],
  ["schema.ts", '\nexport const green = "grün";\n', "latin1", ["generate", "New"], 2],
  [`${meta}/_journal.json`, "ü", "latin1", ["history"], 2],
  [`${meta}/7b1f73160408_snapshot.json`, "ü", "latin1", ["generate", "--check"], 2],
  ["settings.toml", "# grün\nquiet = false\n", "latin1", ["status", "--config", "settings.toml"], 2],
  ["address", "sqlite:///grün.db", "latin1", ["status", "--database-url-file", "address"], 2],
] as const;
for (const [path, text, encoding, args, code] of files) {
  test(`${path} in ${encoding} is refused by ${args[0]}: other characters would be read than stand in it`, () =>
    withSchemaProject(async ({ cwd }) => {
      const env = { DATABASE_URL: "sqlite:///openharbor.db", HARBOR_DB_BACKUP_DIR: join(cwd, "kept") };
      const made = await runHere(["upgrade", initial, "--no-backup"], { cwd, env });
      assert.equal(made.code, 0, made.stderr);
      const before = await readFile(join(cwd, path), "utf8").catch(() => "");
      const after = path.endsWith(".json") ? before.replace("{", `{ "x": "${text}",`) : before + text;
      await writeFile(join(cwd, path), Buffer.from(after, encoding));
      const isAddress = path === "address";
      const result = await runHere(args, { cwd, env: isAddress ? {} : env });
      assert.equal(result.code, code, result.stdout + result.stderr);
      assert.match(result.stdout + result.stderr, /it is (?:not UTF-8|UTF-16 or no text)/);
    }));
}
