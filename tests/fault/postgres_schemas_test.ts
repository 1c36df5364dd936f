import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { run } from "../support/postgres_engines.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";

test("postgres 15: a schema that came before the tables' own makes every command refuse, and name both", () =>
  withOwnedPostgres(15, "", ({ url, adminUrl, role }) =>
    withFolder(async (cwd) => {
      const harbor = async (address: string, ...args: readonly string[]) => {
        const result = await runCli(args, { cwd, env: { DATABASE_URL: address } });
        return { ...result, said: `${result.stdout}${result.stderr}` };
      };
      assert.equal((await harbor(url, "upgrade", "--no-backup")).code, 0);
      // As the usual search path has it: "$user", public.
      await run(url, `CREATE SCHEMA ${role}`);
      const commands = [
        ["status"],
        ["upgrade"],
        ["downgrade", "-1", "--yes"],
        ["stamp", "head", "--yes"],
        ["backup", "--backup-dir", "kept"],
        ["backup", "--backup-dir", "kept", "--backup-engine", "harbor"],
        ["adopt", "--dry-run"],
      ];
      for (const command of commands) {
        const { code, said } = await harbor(url, ...command);
        assert.equal(code, 4, `${command.join(" ")}: ${said}`);
        assert.match(said, new RegExp(`harbor_version is in schema "public".*made in schema "${role}"`));
      }
      const verified = await harbor(url, "verify", "--skip", "backup");
      assert.notEqual(verified.code, 0);
      assert.match(verified.said, /harbor_version is in schema "public"/);
      assert.equal(existsSync(join(cwd, "kept")), false, "no copy of nothing");
      assert.deepEqual(
        await run(url, `SELECT relname FROM pg_class WHERE relnamespace = '${role}'::regnamespace`),
        [],
      );
      const named = await harbor(`${url}?options=-csearch_path%3Dpublic`, "status");
      assert.equal(named.code, 0, named.said);
      // Rows without an end, in the place of a table that every command reads.
      await run(url, "ALTER TABLE harbor_version RENAME TO aside");
      await run(
        url,
        "CREATE VIEW public.harbor_version AS WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT a.* FROM aside a, n",
      );
      const viewed = await harbor(`${url}?options=-csearch_path%3Dpublic`, "status");
      assert.equal(viewed.code, 1, viewed.said);
      assert.match(viewed.said, /harbor_version is a view[^]*DROP VIEW "harbor_version"/);
      await run(url, "DROP VIEW public.harbor_version");
      await run(url, "ALTER TABLE aside RENAME TO harbor_version");
      // What is there is not changed, and what is not made is not said to be under way.
      const missing = `${url}?options=-csearch_path%3Dapp`;
      for (const command of [["upgrade"], ["upgrade", "--dry-run"], ["stamp", "base"]]) {
        const { code, said } = await harbor(missing, ...command);
        assert.equal(code, 1, said);
        assert.match(
          said,
          /^error: Cannot \w+ "\S+": there is no schema app, .*\nhint: {2}CREATE SCHEMA "app";/,
        );
      }
      const closed = await harbor(`${missing}%20-cdefault_transaction_read_only%3Don`, "upgrade");
      assert.match(closed.said, /^error: Cannot upgrade "\S+": default_transaction_read_only is on/);
      // It is no less of a guard where a copy is put in the place of what is there.
      const open = `${url}?options=-csearch_path%3Dpublic`;
      assert.equal((await harbor(open, "backup")).code, 0);
      const refused = await harbor(
        `${open}%20-cdefault_transaction_read_only%3Don`,
        "restore",
        "latest",
        "--yes",
      );
      assert.equal(refused.code, 1, refused.said);
      assert.match(refused.said, /^error: Cannot restore "\S+": default_transaction_read_only is on/m);
      await run(adminUrl, `ALTER ROLE ${role} SET search_path = ''`);
      for (const command of ["status", "backup"]) {
        const { code, said } = await harbor(url, command);
        assert.equal(code, 4, said);
        assert.match(
          said,
          /^error: Cannot work on "\S+": search_path names no schema\nhint: .*search_path%3Dpublic/,
        );
      }
      await run(
        adminUrl,
        `ALTER ROLE ${role} SET search_path = public; ALTER ROLE ${role} SET session_replication_role = replica`,
      );
      const replica = await harbor(url, "downgrade", "-1", "--yes");
      assert.equal(replica.code, 1);
      const [, command = ""] =
        /is replica for the role .*\nhint: {2}As a superuser: (ALTER ROLE .*;)/.exec(replica.said) ?? [];
      await run(adminUrl, command);
      assert.equal((await harbor(url, "downgrade", "-1", "--yes", "--no-backup")).code, 0);
      await run(url, 'CREATE SCHEMA "app";');
      assert.equal((await harbor(missing, "upgrade", "--no-backup")).code, 0);
    })));
