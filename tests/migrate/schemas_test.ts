import assert from "node:assert/strict";
import { test } from "node:test";
import { integer, pgSchema, pgTable } from "drizzle-orm/pg-core";
import { HarborError } from "../../src/base/errors.ts";
import { makeBackup } from "../../src/backup/make.ts";
import type { BackupStore } from "../../src/backup/store/store.ts";
import { historyFor } from "../../src/engines/history_for.ts";
import type { History } from "../../src/history/history.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { engines } from "../support/databases.ts";
import { failureOf, rejectsWith } from "../support/harbor_error.ts";
import { run } from "../support/postgres_engines.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { historiesOf, historyOf, schemaWith, withSchemas } from "../support/samples/schemas.ts";
import { verifyUrl } from "../support/verified.ts";

const engine = engines.find(({ name }) => name === "postgres 15")!;

function go(url: string, history: History, direction: "upgrade" | "downgrade", text: string) {
  return withSchemas(
    url,
    history,
    (context) => migrate(context, { goal: { direction, text }, lockWaitMs: 0 }),
  );
}

test("postgres 15: tables in schemas of their own are made, changed, looked after and taken away", async () => {
  const history = await historyOf([schemaWith({ score: false }), schemaWith({ score: true })]);
  await engine.withDatabase(async (url) => {
    const findings = async () => (await verifyUrl(url, { history, checks: ["schema", "data"] })).findings;
    await go(url, history, "upgrade", "head");
    assert.deepEqual((await findings()).map(({ status, message }) => [status, message.split(",")[0]]), [
      ["pass", "4 tables exactly as revision 0001 leaves them; what else its scripts make is there: 1"],
      ["pass", "0 rows of auth.users"],
    ]);
    await engine.query(url, "INSERT INTO auth.users (email, age) VALUES ('ada@example.org', 36)");
    await engine.query(url, "INSERT INTO shop.users VALUES (1, 'Ada')");
    await engine.query(url, "INSERT INTO notes (user_id) SELECT id FROM auth.users");
    // What nothing in the database guards any more.
    await engine.query(
      url,
      `ALTER TABLE notes DROP CONSTRAINT notes_user_id_users_id_fk; INSERT INTO notes (user_id) VALUES (77);
      ALTER TABLE notes ADD CONSTRAINT notes_user_id_users_id_fk FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE NOT VALID`,
    );
    await engine.query(url, "ALTER TABLE auth.users ALTER COLUMN email DROP NOT NULL");
    await engine.query(url, "DROP INDEX shop.ix_name");
    assert.deepEqual(
      (await findings()).filter(({ status }) => status === "fail").map(({ message }) => message),
      [
        "column auth.users.email: expected NOT NULL, found NULL",
        "foreign key notes(user_id): expected auth.users(id) ON DELETE CASCADE, found auth.users(id) ON DELETE CASCADE NOT VALID",
        "index shop.ix_name is missing, expected shop.users(name, id)",
        "1 row of notes refers by user_id to rows of auth.users that do not exist (id 2)",
      ],
    );
    await engine.query(url, "ALTER TABLE auth.users ALTER COLUMN email SET NOT NULL");
    await engine.query(url, "CREATE INDEX ix_name ON shop.users (name)");
    // What a step destroys is kept in the default schema, and comes back.
    await engine.query(url, "DELETE FROM notes WHERE user_id = 77; UPDATE auth.users SET score = 99");
    const { steps } = await go(url, history, "downgrade", "base");
    assert.deepEqual(steps.map(({ revision }) => revision), ["0001", "0000"]);
    const left = "SELECT nspname FROM pg_namespace WHERE nspname IN ('auth', 'shop')";
    assert.deepEqual(await engine.query(url, left), []);
    await go(url, history, "upgrade", "head");
    const back =
      "SELECT u.email, u.score, n.id, s.name FROM auth.users u, notes n, shop.users s WHERE n.user_id = u.id";
    assert.deepEqual(await engine.query(url, back), [
      { email: "ada@example.org", score: 99, id: 1, name: "Ada" },
    ]);
  });
});

test("postgres 15: what the newest revision left of a schema that was there before is kept, and comes back", async () => {
  const auth = pgSchema("auth");
  const users = auth.table("users", { id: integer().primaryKey() });
  const notes = pgTable("notes", { id: integer().primaryKey() });
  const history = await historyOf([{ users, notes }, { notes }]);
  await engine.withDatabase(async (url) => {
    await engine.query(url, "CREATE SCHEMA auth");
    await go(url, history, "upgrade", "0000");
    await engine.query(url, "INSERT INTO auth.users VALUES (7)");
    await go(url, history, "upgrade", "head");
    assert.deepEqual(await engine.query(url, "SELECT to_regclass('auth.users')::text AS name"), [{
      name: null,
    }]);
    await go(url, history, "downgrade", "0000");
    assert.deepEqual(await engine.query(url, "SELECT id FROM auth.users"), [{ id: 7 }]);
    // The release before one that has something there backs nothing up without it.
    await refusesToBackUp(url, { ...await historyOf([{ notes }]), revisions: [] });
    await engine.query(url, `CREATE TABLE "auth.users" (id integer); DROP TABLE auth.users`);
    const mixed = await rejectsWith(
      "schema_mismatch",
      withSchemas(url, history, ({ database }) => database.introspect()),
    );
    assert.match(mixed.message, /Cannot read "auth\.users": it is in the default schema/);
  });
});

/** Expects a release to say that it does not know a schema of a newer one, and to back nothing up without what is there. */
async function refusesToBackUp(url: string, release: History): Promise<void> {
  await withSchemas(url, release, async (context) => {
    const known = { ...context, history: await historyFor(context.database, release) };
    const { ahead } = await readStatus(known);
    assert.deepEqual(ahead.map(({ wayBack }) => wayBack), ["unknown schema"]);
    const refused = await rejectsWith(
      "schema_mismatch",
      makeBackup(known, {} as BackupStore, { reason: "backup", mayReuse: false }),
    );
    assert.match(refused.message, /things in schema "auth", of which this history knows nothing/);
  });
}

test("postgres 15: a schema that a newer release made is nobody's host's", async () => {
  const auth = pgSchema("auth");
  const users = auth.table("users", { id: integer().primaryKey() });
  const notes = pgTable("notes", { id: integer().primaryKey() });
  const [before, after] = await historiesOf([{ notes }, { notes, auth, users }]);
  await engine.withDatabase(async (url) => {
    await go(url, after!, "upgrade", "head");
    await refusesToBackUp(url, before!);
  });
});

test("postgres 15: names that could not be told apart are refused, and nothing is made", async () => {
  const auth = pgSchema("auth");
  const users = auth.table("users", { id: integer().primaryKey() });
  const notes = pgTable("notes", { id: integer().primaryKey() });
  const dotted = pgTable("auth.notes", { id: integer().primaryKey() });
  const odd = pgSchema("a.b");
  await engine.withDatabase(async (url) => {
    await engine.query(url, "CREATE SCHEMA auth");
    const inAuth = `${url}${url.includes("?") ? "&" : "?"}options=-csearch_path%3Dauth`;
    const cases = [
      [inAuth, { auth, users, notes }, /table "notes" in the default schema and others in schema "auth"/],
      [url, { auth, users, dotted }, /a table "auth\.notes", which reads like one in a schema of its own/],
      [
        url,
        { t: pgSchema("drizzle").table("t", { id: integer() }) },
        /schema "drizzle", which is that of drizzle's/,
      ],
      [url, { odd, t: odd.table("t", { id: integer() }) }, /schema "a\.b", whose name has a dot in it/],
    ] as const;
    for (const [at, things, words] of cases) {
      const history = await historyOf([things]);
      await assert.rejects(
        go(at, history, "upgrade", "head"),
        (error) =>
          error instanceof HarborError && error.code === "schema_mismatch" && words.test(error.message),
      );
    }
    const made =
      "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('auth'::regnamespace, 'public'::regnamespace)";
    assert.deepEqual(await engine.query(url, made), []);
    // What is in one schema alone may also be in the default one.
    const alone = await historyOf([{ users }]);
    await go(inAuth, alone, "upgrade", "head");
    const { findings } = await verifyUrl(inAuth, { history: alone, checks: ["schema"] });
    assert.deepEqual(findings.map(({ status }) => status), ["pass"], findings[0]!.message);
  });
});

test("postgres 15: rights and other people's code count in schemas of their own, too", async () => {
  const history = await historyOf([schemaWith({ score: false }), schemaWith({ score: true })]);
  await withOwnedPostgres(15, "", async ({ url, adminUrl, role }) => {
    await run(adminUrl, "CREATE SCHEMA auth");
    const forbidden = await rejectsWith("read_only", go(url, history, "upgrade", "head"));
    assert.match(
      forbidden.message,
      new RegExp(`the role ${role} may not make tables in the schema auth, as auth\\.`),
    );
    await run(adminUrl, "DROP SCHEMA auth");
    await go(url, history, "upgrade", "0000");
    await run(
      url,
      `CREATE FUNCTION auth.sly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
      CREATE TRIGGER sly BEFORE INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION auth.sly()`,
    );
    const untrusted = await rejectsWith("untrusted_owner", go(adminUrl, history, "upgrade", "head"));
    assert.match(untrusted.message, /trigger sly/);
    await go(url, history, "upgrade", "head");
  });
});

test("postgres 15: a schema that is in the way is named with what to do, and never with CASCADE as the way", async () => {
  const history = await historyOf([{}, schemaWith({ score: false })]);
  await engine.withDatabase(async (url) => {
    await go(url, history, "upgrade", "0000");
    await engine.query(url, "CREATE SCHEMA auth");
    const taken = await failureOf(go(url, history, "upgrade", "head"));
    assert.match(taken.message, /schema "auth" already exists/);
    const [remedy] = /DROP SCHEMA "auth"/.exec(taken.hint!) ?? assert.fail(taken.hint);
    await engine.query(url, remedy);
    await go(url, history, "upgrade", "head");
    await engine.query(url, "CREATE TABLE auth.theirs (id int); CREATE VIEW auth.view AS SELECT 1 AS one");
    const full = await failureOf(go(url, history, "downgrade", "0000"));
    assert.match(full.message, /cannot drop schema auth/);
    assert.match(full.hint!, /^In the way: (?:table|view) auth\.\w+ depends on schema auth, and 1 more\. /);
    await engine.query(url, "DROP VIEW auth.view; DROP TABLE auth.theirs");
    await go(url, history, "downgrade", "0000");
  });
});
