import assert from "node:assert/strict";
import { test } from "node:test";
import { historyFor } from "../../src/engines/history_for.ts";
import type { Writer } from "../../src/engines/postgres/trust/lesser_roles.ts";
import type { History } from "../../src/history/history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { preparePlan } from "../../src/migrate/prepare_plan.ts";
import { withTestDatabase } from "../support/databases.ts";
import { failureOf } from "../support/harbor_error.ts";
import { run } from "../support/postgres_engines.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";

// What a superuser's downgrade must not run for anybody else.
const evil = "ALTER ROLE $role SUPERUSER";
const newer = historyOf("postgresql", [["SELECT 1", "SELECT 2"], ["SELECT 3", "SELECT 4"]]);
const older: History = { ...newer, revisions: newer.revisions.slice(0, 1) };

function go(url: string, history: History, direction: "upgrade" | "downgrade", text = "head") {
  return withTestDatabase(url, async (database) => {
    const context = contextOf(database, await historyFor(database, history));
    return await migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  });
}

test("postgres 15: no role with fewer rights says what a superuser's downgrade runs", () =>
  withOwnedPostgres(15, "", async ({ url, adminUrl, role }) => {
    const isSuper = async () => {
      const [row] = await run(adminUrl, `SELECT rolsuper FROM pg_roles WHERE rolname = '${role}'`);
      return row?.["rolsuper"];
    };
    // Written as a release would write it, checksums and all.
    const harmful = historyOf("postgresql", [["SELECT 1", "SELECT 2"], [
      "SELECT 3",
      evil.replace("$role", role),
    ]]);
    await go(url, harmful, "upgrade");
    const error = await failureOf(go(adminUrl, older, "downgrade"));
    assert.equal(error.code, "untrusted_owner", error.message);
    assert.match(error.message, new RegExp(`harbor_ledger.*${role} \\(owner\\)`));
    assert.equal(await isSuper(), false);
    // To be read it is planned, and what is planned knows that it must not run.
    const { steps, refusal } = await withTestDatabase(adminUrl, async (database) => {
      const context = contextOf(database, await historyFor(database, older));
      return await preparePlan(context, { direction: "downgrade", text: "head" });
    });
    assert.match(steps[0]!.script.statements[0]!.sql, /SUPERUSER/);
    assert.equal(refusal?.code, "untrusted_owner");
    // With its own rights it may, and they are not enough.
    const own = await failureOf(go(url, older, "downgrade"));
    assert.equal(own.code, "read_only", own.message);
    assert.equal(await isSuper(), false);
  }));

test("postgres 15: no role with fewer rights says what a superuser puts back", () =>
  withOwnedPostgres(15, "", async ({ url, adminUrl, role }) => {
    const columns = historyOf("postgresql", [
      ["CREATE TABLE t (id integer PRIMARY KEY)", "SELECT 1"],
      ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
    ]);
    await go(url, columns, "upgrade");
    await run(url, "INSERT INTO t VALUES (1, 'one')");
    await go(url, columns, "downgrade", "-1");
    const planned = await withTestDatabase(
      adminUrl,
      (database) => preparePlan(contextOf(database, columns), { direction: "upgrade", text: "head" }),
    );
    const error = await failureOf(go(adminUrl, columns, "upgrade"));
    assert.equal(planned.refusal?.message, error.message);
    assert.equal(error.code, "untrusted_owner", error.message);
    assert.match(error.message, new RegExp(`put back what harbor_kept.*${role} \\(owner\\)`));
    assert.deepEqual({ ...(await run(adminUrl, "SELECT * FROM t"))[0] }, { id: 1 });
    await go(url, columns, "upgrade");
    assert.deepEqual({ ...(await run(adminUrl, "SELECT * FROM t"))[0] }, { id: 1, d: "one" });
  }));

test("postgres 15: nobody but its owner may write to the ledger, and a superuser finds who may all the same", () =>
  withOwnedPostgres(15, "", async ({ adminUrl, role }) => {
    await run(adminUrl, "CREATE SCHEMA admins");
    const admin = new URL(adminUrl);
    admin.searchParams.set("options", "-csearch_path=admins");
    await run(
      adminUrl,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA admins GRANT ALL ON TABLES TO PUBLIC, ${role}; GRANT USAGE ON SCHEMA admins TO ${role}`,
    );
    await go(admin.href, newer, "upgrade");
    const [rights] = await run(
      adminUrl,
      `SELECT has_table_privilege('${role}', 'admins.harbor_ledger', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') AS writes, has_table_privilege('${role}', 'admins.harbor_ledger', 'SELECT') AS reads`,
    );
    assert.deepEqual({ ...rights }, { writes: false, reads: true });
    const group = `${role} group`;
    await run(
      adminUrl,
      `CREATE ROLE "${group}"; GRANT "${group}" TO ${role}; GRANT USAGE ON SCHEMA admins TO "${group}"`,
    );
    const ways = [
      [
        `GRANT INSERT ON admins.harbor_ledger TO "${group}" WITH GRANT OPTION; SET ROLE "${group}"; GRANT INSERT ON admins.harbor_ledger TO ${role}; RESET ROLE`,
        `REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON admins.harbor_ledger FROM "${group}", ${role} CASCADE;`,
        "granted",
      ],
      [
        `GRANT UPDATE (downgrade) ON admins.harbor_ledger TO ${role}`,
        `REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON admins.harbor_ledger FROM ${role};`,
        "granted",
      ],
      [
        `GRANT INSERT ON admins.harbor_ledger TO PUBLIC`,
        `REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON admins.harbor_ledger FROM PUBLIC;`,
        "granted",
      ],
      [`ALTER SCHEMA admins OWNER TO ${role}`, `ALTER SCHEMA admins OWNER TO CURRENT_USER`, "schema"],
      [`GRANT pg_write_all_data TO ${role}`, `REVOKE pg_write_all_data FROM ${role};`, "granted"],
    ] as const;
    for (const [open, close, how] of ways) {
      await run(adminUrl, open);
      const error = await failureOf(go(admin.href, older, "downgrade"));
      assert.equal(error.code, "untrusted_owner", open);
      // What all may do, the roles of other tests may, too, of which the message names five.
      const writers = error.details["writers"] as readonly Writer[];
      assert.deepEqual(writers.filter(({ name }) => name === role), [{ name: role, how }], open);
      const named = writers.slice(0, 5).map((each) => `${each.name} (${each.how})`).join(", ");
      const more = writers.length > 5 ? `, and ${writers.length - 5} more` : "";
      assert.ok(error.message.endsWith(`: ${named}${more}`), `${open}: ${error.message}`);
      // The remedy that it names is the statement that closes the way.
      if (how === "granted") {
        assert.ok(error.hintLines.join("\n").includes(`and then: ${close}\n`), error.hintLines.join());
      }
      await run(adminUrl, close);
      const { refusal } = await withTestDatabase(admin.href, async (database) => {
        const context = contextOf(database, await historyFor(database, older));
        return await preparePlan(context, { direction: "downgrade", text: "head" });
      });
      assert.equal(refusal, null, close);
    }
    await run(adminUrl, `DROP OWNED BY "${group}"; DROP ROLE "${group}"`);
    const { steps } = await go(admin.href, older, "downgrade");
    assert.deepEqual(steps.map(({ revision, source }) => [revision, source]), [[idOf(1), "ledger"]]);
  }));
