import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { engines } from "../support/databases.ts";
import { withScriptProject } from "../support/samples/script_project.ts";
import { runHere } from "../support/run_here.ts";

const postgres = engines.find(({ name }) => name === "postgres 15")!;

// Statements that fail on the server, or are none, with a secret in them.
const statements = [
  "CREATE ROLE secrets_app LOGIN PASSWORD 'hunter2' VALID UNTIL 'nonsense';",
  "CREATE ROLE secrets_app LOGIN PASSWORD 'hunter2' NONSENSE;",
  "CREATE ROLE secrets_app LOGIN PASSWORD hunter2;",
  "ALTER ROLE secrets_nobody PASSWORD 'hunter2';",
  "CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere OPTIONS (user 'bob', password 'hunter2');",
  "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere password=hunter2' PUBLICATION p WITH (nonsense);",
  "SELECT dblink('host=/nowhere password=hunter2', 'SELECT 1');",
  "DO $$ BEGIN EXECUTE 'CREATE ROLE secrets_app PASSWORD ''hunter2'' NONSENSE'; END $$;",
  "DO $$ BEGIN RAISE 'cannot reach postgresql://bob:hunter2@nowhere/x'; END $$;",
] as const;
for (const statement of statements) {
  test(`nothing that is not asked for the script shows the secret of ${statement}`, () =>
    postgres.withDatabase((url) =>
      withScriptProject("postgresql", { up: statement, down: statement }, async (cwd) => {
        const env = { DATABASE_URL: url, HARBOR_DB_BACKUP_DIR: join(cwd, "kept") };
        const run = async (...args: readonly string[]) => {
          const { code, stdout, stderr } = await runHere(args, { cwd, env });
          assert.doesNotMatch(stdout + stderr, /hunter2/, args.join(" "));
          return code;
        };
        for (const json of [[], ["--json"]]) {
          assert.notEqual(await run("upgrade", "--no-backup", ...json), 0);
          assert.equal(await run("upgrade", "--dry-run", ...json), 0);
          await run("upgrade", "--rehearse", ...json);
          assert.notEqual(await run("check", "--prove", "--prove-url", url, ...json), 0);
        }
        await run("verify", "--log", join(cwd, "log"), "--report", join(cwd, "page.html"));
        for (const file of ["log", "page.html"]) {
          assert.doesNotMatch(await readFile(join(cwd, file), "utf8"), /hunter2/);
        }
        const script = await runHere(["upgrade", "--sql"], { cwd, env });
        assert.match(script.stdout, /hunter2/);
      })
    ));
}

test("of two statements that differ in their secrets alone, an error names no line for the other", () => {
  const set = (token: string) => `UPDATE t SET token = '${token}';\n`;
  const make = "CREATE TABLE t (token text CHECK (length(token) < 9));\nINSERT INTO t VALUES (NULL);\n";
  return withScriptProject("sqlite", { up: make + set("short") + set("much too long") }, async (cwd) => {
    const env = { DATABASE_URL: `sqlite:///${join(cwd, "app.db")}` };
    const { code, stderr } = await runHere(["upgrade", "--no-backup"], { cwd, env });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /UPDATE t SET token = \*\*\*/);
    assert.doesNotMatch(stderr, /0000_step\.sql:3/);
  });
});
