import assert from "node:assert/strict";
import { test } from "node:test";
import { addFiles, initial } from "../support/samples/application.ts";
import { engines } from "../support/databases.ts";
import { run } from "../support/postgres_engines.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";

const engine = engines.find(({ name }) => name === "postgres 15")!;

async function harbor(url: string, ...args: readonly string[]) {
  const result = await runCli(args, { env: { DATABASE_URL: url } });
  return { ...result, said: `${result.stdout}${result.stderr}` };
}

test("postgres 15: rows that a policy hides from a monitor are an error that names it, never healthy", () =>
  withOwnedPostgres(
    15,
    "",
    ({ url: monitor, role }) =>
      withOwnedPostgres(15, "", async ({ url, role: owner }) => {
        assert.equal((await harbor(url, "upgrade", "--no-backup")).code, 0);
        const address = new URL(monitor);
        address.pathname = `/${owner}`;
        await run(
          url,
          `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
          ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY "own rows" ON users USING (email = current_user)`,
        );
        const verified = await harbor(address.href, "verify", "--skip", "backup");
        assert.equal(verified.code, 1, verified.said);
        assert.match(
          verified.said,
          new RegExp(`the policy own rows of table users hides rows from the role ${role}`),
        );
        assert.match(verified.said, new RegExp(`ALTER ROLE "${role}" BYPASSRLS`));
        assert.doesNotMatch(verified.said, /orphan|do not exist/);
        await run(url, "ALTER TABLE harbor_version ENABLE ROW LEVEL SECURITY");
        const status = await harbor(address.href, "status");
        assert.equal(status.code, 1, status.said);
        assert.match(status.said, /row-level security of table harbor_version, which has no policy/);
        assert.equal((await harbor(url, "status")).code, 0, "the owner sees all rows");
      }),
  ));

test("postgres 15: a backfill under forced policies is not recorded as done with rows left", () =>
  withOwnedPostgres(15, "", async ({ url, adminUrl }) => {
    assert.equal((await harbor(url, "upgrade", initial, "--no-backup")).code, 0);
    await addFiles(engine, url, 3);
    await run(
      url,
      `ALTER TABLE files ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY visible ON files USING (id > 1)`,
    );
    const refused = await harbor(url, "upgrade", "--no-backup");
    assert.equal(refused.code, 1, refused.said);
    assert.match(refused.said, /the policy visible of table files hides rows/);
    assert.match(refused.said, /ALTER TABLE "files" NO FORCE ROW LEVEL SECURITY/);
    await run(url, "ALTER TABLE files NO FORCE ROW LEVEL SECURITY");
    const upgraded = await harbor(url, "upgrade", "--no-backup");
    assert.equal(upgraded.code, 0, upgraded.said);
    assert.deepEqual(await run(adminUrl, "SELECT DISTINCT storage_backend FROM files"), [{
      storage_backend: "local",
    }]);
  }));
