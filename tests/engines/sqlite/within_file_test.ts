import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { engines, withFolder } from "../../support/databases.ts";
import { runHere } from "../../support/run_here.ts";
import { withScriptProject } from "../../support/samples/script_project.ts";

const sqlite = engines.find(({ name }) => name === "sqlite file")!;

test("neither check, nor a proof, nor a rehearsal writes the files that scripts name, and the latter say so", () =>
  sqlite.withDatabase((url) =>
    withFolder((folder) => {
      const path = join(folder, "copy.db");
      return withScriptProject("sqlite", { up: `-- harbor:alone\nVACUUM INTO '${path}';` }, async (cwd) => {
        const env = { DATABASE_URL: url, HARBOR_DB_BACKUP_DIR: join(folder, "kept") };
        const run = async (...args: readonly string[]) => {
          const { stdout, stderr } = await runHere(args, { cwd, env });
          assert.ok(!existsSync(path), args.join(" "));
          return stdout + stderr;
        };
        await run("check");
        assert.match(await run("check", "--prove"), /not proven: VACUUM INTO .* reaches out of the database/);
        await sqlite.query(url, "CREATE TABLE t (a integer PRIMARY KEY)");
        await sqlite.query(url, "INSERT INTO t VALUES (1)");
        await run("stamp", "base", "--yes");
        assert.match(
          await run("upgrade", "--rehearse"),
          /Not rehearsed: VACUUM INTO .* reaches out of the copy/,
        );
      });
    })
  ));
