import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";
import { withClient } from "../support/servers/postgres_server.ts";

test("postgres 15: a service and a file of passwords lead every part of harbor-db to the database", () =>
  withOwnedPostgres(15, "", ({ url, adminUrl, role }) =>
    withFolder(async (cwd) => {
      const { hostname, port, password } = new URL(url);
      await writeFile(
        join(cwd, ".pg_service.conf"),
        `[harbor]\nhost=${hostname}\nport=${port}\ndbname=${role}\nuser=${role}\n`,
      );
      const passwords = join(cwd, ".pgpass");
      await writeFile(passwords, `${hostname}:*:*:${role}:${decodeURIComponent(password)}\n`);
      const env = { HOME: cwd, PGSERVICE: "harbor", DATABASE_URL: "postgresql://" };
      const run = async (code: number, args: readonly string[]) => {
        const result = await runCli(args, { cwd, env });
        const said = result.stdout + result.stderr;
        assert.equal(result.code, code, said);
        assert.doesNotMatch(said, /owner secret|owner%20secret/);
        return { ...result, said };
      };

      await chmod(passwords, 0o644);
      assert.match(
        (await run(1, ["current"])).said,
        /\.pgpass" is passed over, since others may use it: chmod 600 /,
      );
      await chmod(passwords, 0o600);

      // Since PostgreSQL 15 a role may make nothing in the schema of a database that is another's.
      const [owner] = await withClient(adminUrl, (sql) => sql`SELECT current_user::text AS name`);
      await withClient(adminUrl, (sql) => sql.unsafe(`ALTER DATABASE ${role} OWNER TO ${owner!["name"]}`));
      const grant = `GRANT CREATE ON SCHEMA public TO ${role};`;
      for (const [code, args] of [[0, ["status"]], [1, ["upgrade", "--dry-run"]]] as const) {
        const { said } = await run(code, args);
        assert.match(said, new RegExp(`the role ${role} may not make tables in the schema public`));
        assert.ok(said.replaceAll('"', "").includes(grant), said);
      }
      await withClient(adminUrl, (sql) => sql.unsafe(grant));
      assert.doesNotMatch((await run(0, ["status"])).said, /may not/);
      await run(0, ["upgrade"]);
      await withClient(adminUrl, (sql) => sql.unsafe(`ALTER DATABASE ${role} OWNER TO ${role}`));

      const made = await run(0, ["backup", "--backup-engine", "pg_dump", "--json"]);
      assert.equal(JSON.parse(made.stdout).backup.engine, "pg_dump");
      const { said: unit } = await run(0, ["schedule"]);
      assert.match(unit, /PGSERVICE=harbor/);
      for (
        const [variable, file] of [["PGPASSFILE", ".pgpass"], ["PGSERVICEFILE", ".pg_service.conf"]] as const
      ) {
        assert.ok(unit.includes(`${variable}=${join(cwd, file)}`), unit);
      }
    })));
