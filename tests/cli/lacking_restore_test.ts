import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { run } from "../support/postgres_engines.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";

test("a copy that lacks something on the server is not called a bad one, and what was left out of it is said", () =>
  withOwnedPostgres(
    15,
    "CREATEDB",
    (source) =>
      withOwnedPostgres(15, "CREATEDB", (target) =>
        withFolder(async (cwd) => {
          const gone = `gone_${randomBytes(6).toString("hex")}`;
          const cli = async (code: number, ...args: readonly string[]) => {
            const result = await runCli(args, { cwd, env: { DATABASE_URL: source.url } });
            assert.equal(result.code, code, result.stdout + result.stderr);
            return result;
          };
          await run(source.adminUrl, `CREATE EXTENSION citext; CREATE ROLE ${gone}`);
          await run(
            source.url,
            `CREATE TABLE t (c citext); INSERT INTO t VALUES ('a'); GRANT SELECT ON t TO ${gone};
          CREATE POLICY p ON t TO ${gone} USING (true)`,
          );
          await cli(0, "backup", "--backup-engine", "pg_dump");
          await run(source.url, `DROP POLICY p ON t; REVOKE ALL ON t FROM ${gone}`);
          await run(source.adminUrl, `DROP ROLE ${gone}`);

          const { stdout } = await cli(1, "backup", "verify", "latest");
          assert.match(
            stdout,
            /^NOT CHECKED content .*role ".*" does not exist\. The copy does not hold, and may need: /m,
          );
          assert.doesNotMatch(stdout, /NOT a backup to rely on/);
          const restore = ["restore", "latest", "--to", target.url];
          const { stderr } = await cli(1, ...restore);
          assert.match(stderr, /^error: Cannot restore "[^"]*": type "public\.citext" does not exist/m);
          assert.match(stderr, new RegExp(`CREATE EXTENSION "citext"; CREATE ROLE "${gone}";`));
          assert.doesNotMatch(stderr, /Use another one/);

          await run(target.adminUrl, `CREATE EXTENSION citext; CREATE ROLE ${gone}`);
          const restored = await cli(0, ...restore);
          assert.match(
            restored.stderr,
            new RegExp(`^owners are not those of the copy: .* no role "${source.role}"`, "m"),
          );
          assert.doesNotMatch(restored.stderr, /^not given/m);
          await run(source.url, `GRANT SELECT ON t TO ${gone}`);
          await cli(0, "backup", "--backup-engine", "pg_dump");
          await run(source.url, `REVOKE ALL ON t FROM ${gone}`);
          await run(target.adminUrl, `DROP OWNED BY ${gone}; DROP ROLE ${gone}`);
          const left = await cli(0, ...restore, "--yes", "--json");
          const [owners, notGiven] = JSON.parse(left.stdout).remarks;
          assert.match(owners, /^owners are not those of the copy: /);
          assert.match(
            notGiven,
            new RegExp(`^not given, since there is no such role: GRANT SELECT ON TABLE public.t TO ${gone}`),
          );
        })),
  ));
