import assert from "node:assert/strict";
import { test } from "node:test";
import { adopt } from "../../src/adopt/adopt.ts";
import { readState } from "../../src/state/read_state.ts";
import { adoptDatabase, upgradeDatabase, withContext } from "../support/samples/adoption.ts";
import { engines } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { type PostgresVersion, sharedPostgres, withClient } from "../support/servers/postgres_server.ts";

const models = origins.find(({ name }) => name === "create_all of the newest commit")!;
const alembicHead = origins.find(({ name }) => name === "alembic upgrade f27bd10b7ec4")!;

for (const version of [15, 18] as readonly PostgresVersion[]) {
  const engine = engines.find(({ name }) => name === `postgres ${version}`)!;
  const on = (rule: string) => `postgres ${version}: ${rule}`;

  const withModels = (statements: readonly string[], work: (url: string) => Promise<void>, origin = models) =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, origin);
      for (const statement of statements) await engine.query(url, statement);
      await work(url);
    });

  /** Fails as adopt does, and sees whether it came to the backup. */
  const refused = async (code: Parameters<typeof rejectsWith>[0], url: string, comesToBackup = false) => {
    let isBackedUp = false;
    const beforeChange = () => Promise.resolve(void (isBackedUp = true));
    const error = await rejectsWith(
      code,
      withContext(url, (context) => adopt(context, { lockWaitMs: 0, beforeChange })),
    );
    assert.equal(isBackedUp, comesToBackup);
    await assert.rejects(engine.query(url, "SELECT * FROM harbor_version"));
    return error;
  };

  // One row a rule: what there is, and what it is called in the refusal.
  const holders = [
    ["a view", "CREATE VIEW emails AS SELECT email FROM users", /the view emails uses users\.email/],
    [
      "a materialized view",
      "CREATE MATERIALIZED VIEW emails AS SELECT email FROM users",
      /the materialized view emails uses users\.email/,
    ],
    ["a policy", "CREATE POLICY own ON users USING (email <> '')", /the policy own uses users\.email/],
    [
      "a generated column",
      "ALTER TABLE users ADD COLUMN l text GENERATED ALWAYS AS (lower(email)) STORED",
      /the column users\.l is made of email/,
    ],
    [
      "a type that says which moment was meant",
      "ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz",
      /the column users\.created_at is timestamp with time zone/,
    ],
    [
      "an index whose name is needed",
      "CREATE TABLE other (a int); CREATE INDEX ix_users_uuid ON other (a)",
      /the table other has the index ix_users_uuid/,
    ],
  ] as const;
  for (const [rule, statement, words] of holders) {
    test(
      on(`${rule} in the way is refused by name before anything starts`),
      () =>
        withModels([statement], async (url) => {
          assert.match((await refused("unmanaged", url)).message, words);
        }),
    );
  }

  test(
    on("a view on a column whose type changes is found before a plain upgrade, too"),
    () =>
      withModels(["CREATE VIEW names AS SELECT name FROM collections"], async (url) => {
        const error = await rejectsWith("schema_mismatch", upgradeDatabase(url));
        assert.match(error.message, /the view names uses collections\.name/);
        await assert.rejects(engine.query(url, "SELECT * FROM harbor_version"));
      }, alembicHead),
  );

  test(on("views on other columns stay, and triggers rest while rows are filled"), () =>
    withModels([
      "CREATE VIEW remote AS SELECT id, storage_path FROM files WHERE storage_backend = 'r2'",
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin update collections set description = ''touched''; return new; end'",
      ...["plain", "never", "always"].map((name) =>
        `CREATE TRIGGER ${name} AFTER UPDATE ON files FOR EACH ROW EXECUTE FUNCTION touch()`
      ),
      "ALTER TABLE files DISABLE TRIGGER never",
      "ALTER TABLE files ENABLE ALWAYS TRIGGER always",
    ], async (url) => {
      const before = await engine.query(url, "SELECT * FROM collections ORDER BY id");
      await adoptDatabase(url);
      assert.deepEqual(await engine.query(url, "SELECT * FROM collections ORDER BY id"), before);
      assert.equal((await engine.query(url, "SELECT * FROM remote")).length, 2);
      const triggers = await engine.query(
        url,
        "SELECT tgname AS name, tgenabled AS fires FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
      );
      assert.deepEqual(triggers.map(({ name, fires }) => [name, fires]), [
        ["always", "A"],
        ["never", "D"],
        ["plain", "O"],
      ]);
    }));

  test(
    on("a rule that would change other values is noticed in the transaction, and nothing is kept"),
    () =>
      withModels([
        "CREATE RULE also AS ON UPDATE TO files DO ALSO UPDATE collections SET description = 'ruled'",
      ], async (url) => {
        assert.match(
          (await refused("data_conflict", url, true)).message,
          /a value in collections would not be the same/,
        );
      }),
  );

  test(on("a column's name is no code, whatever dollars stand in it"), () =>
    withModels(
      [`ALTER TABLE files ADD COLUMN "x $harbor$; CREATE TABLE caught (); -- $$ $harbor_db$" integer`],
      async (url) => {
        await adoptDatabase(url);
        await assert.rejects(engine.query(url, "SELECT * FROM caught"));
        await useApplication(engine, url);
      },
    ));

  test(on("types that hold the same values become head's"), () =>
    withModels([
      "UPDATE files SET metadata_json = NULL WHERE id = 2",
      "ALTER TABLE files ALTER COLUMN metadata_json TYPE json USING metadata_json::json, ALTER COLUMN size TYPE bigint, ALTER COLUMN id TYPE bigint",
      "ALTER TABLE users ALTER COLUMN email TYPE text, ADD COLUMN uuid uuid DEFAULT gen_random_uuid()",
    ], async (url) => {
      const before = await engine.query(
        url,
        "SELECT id::text, size::text, metadata_json::text FROM files ORDER BY files.id",
      );
      await adoptDatabase(url);
      assert.deepEqual(
        await engine.query(url, "SELECT id::text, size::text, metadata_json FROM files ORDER BY files.id"),
        before,
      );
      await useApplication(engine, url);
    }));

  test(on("numbers beyond 32 bits are found in the rows"), () =>
    withModels(
      ["ALTER TABLE files ALTER COLUMN size TYPE bigint", "UPDATE files SET size = 5000000000 WHERE id = 3"],
      async (url) => {
        assert.match(
          (await refused("data_conflict", url)).message,
          /1 row of files has a size that does not fit integer \(id 3\)/,
        );
      },
    ));

  // One row a rule: how the numbering of users.id was lost.
  const numberings = [
    ["behind", "SELECT setval('users_id_seq', 1)"],
    ["gone", "ALTER TABLE users ALTER COLUMN id DROP DEFAULT; DROP SEQUENCE users_id_seq"],
    ["not used", "ALTER TABLE users ALTER COLUMN id DROP DEFAULT"],
    ["nobody's", "ALTER SEQUENCE users_id_seq OWNED BY NONE"],
    [
      "of an identity",
      "ALTER TABLE users ALTER COLUMN id DROP DEFAULT; DROP SEQUENCE users_id_seq; ALTER TABLE users ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
    ],
  ] as const;
  for (const [state, statement] of numberings) {
    test(
      on(`a sequence that is ${state} numbers new rows afterwards`),
      () =>
        withModels([statement], async (url) => {
          await adoptDatabase(url);
          await useApplication(engine, url);
        }),
    );
  }

  test(on("an index and constraints that are not valid become so"), () =>
    withModels([
      "DROP INDEX ix_files_uuid",
      "UPDATE files SET uuid = 'same' WHERE id < 3",
      "ALTER TABLE files DROP CONSTRAINT files_collection_id_fkey",
      "ALTER TABLE files ADD CONSTRAINT of_collection FOREIGN KEY (collection_id) REFERENCES collections (id) NOT VALID",
    ], async (url) => {
      await assert.rejects(
        engine.query(url, "CREATE UNIQUE INDEX CONCURRENTLY ix_files_uuid ON files (uuid)"),
      );
      await engine.query(url, "UPDATE files SET uuid = 'f-' || id");
      await adoptDatabase(url);
      const files = (await withContext(url, ({ database }) => database.introspect())).tables.find((
        { name },
      ) => name === "files");
      assert.deepEqual(files?.indexes.map(({ name, valid }) => [name, valid]), [
        ["ix_files_storage_backend", true],
        ["ix_files_uuid", true],
      ]);
      assert.deepEqual(files?.foreignKeys.map(({ valid }) => valid), [true]);
    }));

  test(on("orphans under a constraint that was never validated are found"), () =>
    withModels([
      "ALTER TABLE files DROP CONSTRAINT files_collection_id_fkey",
      "DELETE FROM collections WHERE id = 5",
      "ALTER TABLE files ADD CONSTRAINT files_collection_id_fkey FOREIGN KEY (collection_id) REFERENCES collections (id) NOT VALID",
    ], async (url) => {
      assert.match(
        (await refused("data_conflict", url)).message,
        /2 rows of files refer by collection_id .* \(id 8, 9\)/,
      );
    }));

  test(on("values under a check that was never validated are found"), () =>
    withModels([
      "ALTER TABLE files DROP CONSTRAINT IF EXISTS files_storage_backend_check",
      "UPDATE files SET storage_backend = 'tape' WHERE id = 8",
      "ALTER TABLE files ADD CONSTRAINT files_storage_backend_check CHECK (storage_backend IN ('local', 'r2')) NOT VALID",
    ], async (url) => {
      assert.match(
        (await refused("data_conflict", url)).message,
        /1 row of files has a storage_backend that is not allowed.* \(id 8\)/,
      );
    }));

  test(
    on("a role whose transactions only read is told so before the backup, with two ways on"),
    () =>
      withModels([], async (url) => {
        const database = new URL(url).pathname.slice(1);
        await withClient(
          url,
          (sql) => sql.unsafe(`ALTER DATABASE ${database} SET default_transaction_read_only = on`),
        );
        const error = await refused("read_only", url);
        assert.match(error.message, /default_transaction_read_only is on for the role harbor_app/);
        const [command = "", option = ""] = /^(.*;) .*(\?options=\S+)$/.exec(error.hint ?? "")?.slice(1) ??
          [];
        await adoptDatabase(url + option);
        // The role itself is who reads that, in a session that only reads as well.
        await withClient(url, (sql) => sql.unsafe(command));
        await engine.query(url, "DELETE FROM users WHERE false");
        await engine.query(url, "ALTER ROLE harbor_app RESET default_transaction_read_only");
      }),
  );

  test(
    on("a role that may read and not alter is told so before the backup"),
    () =>
      withModels([], async (url) => {
        const role = `reader_${new URL(url).pathname.slice(-8)}`;
        const admin = new URL(await sharedPostgres(version));
        const inside = new URL(url);
        inside.username = admin.username;
        inside.password = admin.password;
        await withClient(inside.href, (sql) =>
          sql.unsafe(
            `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`,
          ));
        const reader = new URL(url);
        reader.username = role;
        reader.password = "secret";
        try {
          const error = await refused("read_only", reader.href);
          assert.match(
            error.message,
            /the role reader_\w+ may not alter collections, files, users, which belongs to harbor_app/,
          );
          assert.match(error.hint ?? "", /Connect as harbor_app/);
        } finally {
          await withClient(inside.href, (sql) => sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
        }
      }),
  );

  test(
    on("tables of the search path's first schema are adopted, those of a later one are named"),
    () =>
      engine.withDatabase(async (url) => {
        await engine.query(url, "CREATE SCHEMA app");
        const inApp = `${url}?options=-csearch_path%3Dapp`;
        await makeOrigin(engine, inApp, models);
        const behind = `${url}?options=-csearch_path%3Dpublic,app`;
        const state = await withContext(behind, readState);
        assert.equal(state.kind, "unmanaged");
        const error = await rejectsWith("unmanaged", adoptDatabase(behind));
        assert.match(error.message, /users is not in the first schema of the search path/);
        await rejectsWith("unmanaged", upgradeDatabase(behind));
        await adoptDatabase(inApp);
        await useApplication(engine, inApp);
        const made = await engine.query(
          url,
          "SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = 'harbor_version'",
        );
        assert.deepEqual(made.map(({ schema }) => schema), ["app"]);
      }),
  );
}
