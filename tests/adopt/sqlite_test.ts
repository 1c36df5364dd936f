import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { prepareAdoption } from "../../src/adopt/prepare.ts";
import { adoptDatabase, upgradeDatabase, withContext } from "../support/samples/adoption.ts";
import { engines, sqlitePath } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { ddlOf, makeOrigin, origins } from "../support/samples/origins.ts";

const engine = engines.find(({ name }) => name === "sqlite file")!;
const models = origins.find(({ name }) => name === "create_all of the newest commit")!;
const alembicHead = origins.find(({ name }) => name === "alembic upgrade f27bd10b7ec4")!;

const columns = models.tables["users"]!.columns.slice(1).join(", ");
const names = "id, email, password_hash, is_active, created_at, last_login";

/** Gives `users` another definition, with the rows that it has. */
function redefine(ddl: string): readonly string[] {
  return [
    "CREATE TABLE kept AS SELECT * FROM users",
    "DROP TABLE users",
    ddl,
    `INSERT INTO users (${names}) SELECT ${names} FROM kept`,
    "DROP TABLE kept",
    "CREATE UNIQUE INDEX ix_users_email ON users (email)",
  ];
}

function withModels(statements: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
  return engine.withDatabase(async (url) => {
    await makeOrigin(engine, url, models);
    for (const statement of statements) await engine.query(url, statement);
    await work(url);
  });
}

/** The words of a statement that sqlite_schema keeps, and of nothing else. */
async function definition(url: string, name: string): Promise<string> {
  const [row] = await engine.query(url, `SELECT sql FROM sqlite_schema WHERE name = '${name}'`);
  return String(row?.["sql"]);
}

test("a copied table keeps its UNIQUE and CHECK constraints, named or not", () =>
  withModels(
    redefine(
      `CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, ${columns}, UNIQUE (email), CHECK (is_active IN (0, 1)), CONSTRAINT "long" CHECK(length(password_hash) > 3))`,
    ),
    async (url) => {
      await adoptDatabase(url);
      const [users] = (await withContext(url, ({ database }) => database.introspect())).tables.slice(-1);
      assert.deepEqual(users?.uniques.map((each) => each.columns), [["email"]]);
      assert.deepEqual(users?.checks.map(({ name, expression }) => [name, expression]), [
        [null, "is_active IN (0, 1)"],
        ["long", "length(password_hash) > 3"],
      ]);
      await useApplication(engine, url);
    },
  ));

test("columns that are called in other letters get the names of the history, with what hangs on them", () =>
  withModels(
    [
      "ALTER TABLE users RENAME COLUMN email TO EMAIL",
      "ALTER TABLE users RENAME COLUMN id TO Id",
      "ALTER TABLE files RENAME COLUMN collection_id TO Collection_ID",
      "ALTER TABLE files ADD COLUMN Note TEXT",
    ],
    async (url) => {
      await adoptDatabase(url);
      const { tables } = await withContext(url, ({ database }) => database.introspect());
      const namesOf = (name: string) =>
        tables.find((table) => table.name === name)!.columns.map(({ name }) => name);
      assert.deepEqual(namesOf("users").toSorted(), [...names.split(", "), "uuid"].toSorted());
      assert.ok(namesOf("files").includes("collection_id") && namesOf("files").includes("Note"));
      await useApplication(engine, url);
    },
  ));

test("a key with AUTOINCREMENT gives out no number twice, also after the copy", () =>
  withModels(
    [
      ...redefine(`CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, ${columns})`),
      "INSERT INTO users VALUES (40, 'gone@example.org', 'x', 1, NULL, NULL)",
      "DELETE FROM users WHERE id = 40",
    ],
    async (url) => {
      await adoptDatabase(url);
      assert.match(await definition(url, "users"), /AUTOINCREMENT/);
      const [row] = await engine.query(
        url,
        "INSERT INTO users (email, password_hash) VALUES ('new@example.org', 'x') RETURNING id",
      );
      assert.equal(row?.["id"], 41);
    },
  ));

test("views, triggers and the triggers of views survive the copies, and none of them fires", () => {
  const made = [
    "CREATE VIEW names AS SELECT u.id, u.email, c.name FROM users u JOIN collections c ON c.user_id = u.id",
    "CREATE TRIGGER named INSTEAD OF UPDATE ON names BEGIN UPDATE users SET email = new.email WHERE id = new.id; END",
    "CREATE TRIGGER touched AFTER UPDATE ON files BEGIN UPDATE collections SET description = 'touched' WHERE id = new.collection_id; END",
  ];
  return withModels(made, async (url) => {
    const before = await engine.query(url, "SELECT * FROM collections ORDER BY id");
    const { inspection } = await adoptDatabase(url);
    assert.deepEqual(inspection.kept, ["trigger named on names", "view names", "trigger touched on files"]);
    for (const statement of made) assert.equal(await definition(url, statement.split(" ")[2]!), statement);
    const after = await engine.query(url, "SELECT * FROM collections ORDER BY id");
    assert.deepEqual(
      after.map(({ description }) => description),
      before.map(({ description }) => description),
    );
    await engine.query(url, "UPDATE files SET size = 1 WHERE id = 1");
    assert.equal(
      (await engine.query(url, "SELECT * FROM collections WHERE description = 'touched'")).length,
      1,
    );
  });
});

test("rows that refer to a copied table with ON DELETE CASCADE stay", () =>
  withModels(
    [
      "CREATE TABLE likes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE)",
      "INSERT INTO likes VALUES (1, 1), (2, 3)",
    ],
    async (url) => {
      await adoptDatabase(url);
      assert.equal((await engine.query(url, "SELECT * FROM likes")).length, 2);
    },
  ));

// One row a rule: how users is defined or what else there is, and why adopt refuses.
const refusals = [
  [
    "a generated column",
    ["ALTER TABLE users ADD COLUMN lower_email TEXT GENERATED ALWAYS AS (lower(email))"],
    "unmanaged",
    /the column users\.lower_email is made of email, whose type has to become VARCHAR\(255\)/,
  ],
  [
    "WITHOUT ROWID",
    redefine(`CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, ${columns}) WITHOUT ROWID`),
    "unmanaged",
    /would lose its WITHOUT ROWID/,
  ],
  [
    "a table that lost its key",
    redefine(`CREATE TABLE users (id INTEGER, ${columns})`),
    "unmanaged",
    /the table users has lost its key/,
  ],
  [
    "what a broken-off copy left",
    ["CREATE TABLE __new_users (id INTEGER)"],
    "unmanaged",
    /there is a table __new_users, left behind/,
  ],
  [
    "an index whose name is needed",
    ["CREATE TABLE other (a)", "CREATE INDEX ix_users_uuid ON other (a)"],
    "unmanaged",
    /the table other has the index ix_users_uuid/,
  ],
  [
    "a value that would change",
    redefine(
      `CREATE TABLE users (id INTEGER PRIMARY KEY, ${
        columns.replace("created_at DATETIME", "created_at BLOB")
      })`,
    ).concat("UPDATE users SET created_at = '2025' WHERE id = 1"),
    "data_conflict",
    /a value in users would not be the same/,
  ],
  [
    "a value that is too long",
    [`UPDATE users SET email = '${"x".repeat(256)}' WHERE id = 3`],
    "data_conflict",
    /1 row of users has more than 255 characters in email \(id 3\)/,
  ],
  [
    "orphans",
    ["DELETE FROM users WHERE id = 1"],
    "data_conflict",
    /1 row of collections refers by user_id to users that are not there \(id 2\)/,
  ],
  [
    "half-filled uuids that repeat",
    ["ALTER TABLE users ADD COLUMN uuid VARCHAR(36)", "UPDATE users SET uuid = 'a' WHERE id < 4"],
    "data_conflict",
    /2 rows of users have the same uuid/,
  ],
] as const;
for (const [rule, statements, code, words] of refusals) {
  test(`${rule}: refused by name, and not a byte of it changed`, () =>
    withModels(statements, async (url) => {
      const before = await readFile(sqlitePath(url));
      const { refusal } = await withContext(url, prepareAdoption);
      const found = refusal ?? await rejectsWith("data_conflict", adoptDatabase(url));
      assert.equal(found.code, code);
      assert.match(found.message, words);
      assert.ok(found.hint);
      if (refusal !== null) assert.deepEqual(await readFile(sqlitePath(url)), before);
    }));
}

test("uuids that are there stay, and the others are made", () =>
  withModels(
    ["ALTER TABLE users ADD COLUMN uuid VARCHAR(36)", "UPDATE users SET uuid = 'mine' WHERE id = 1"],
    async (url) => {
      await adoptDatabase(url);
      const uuids = (await engine.query(url, "SELECT uuid FROM users ORDER BY id")).map((row) =>
        String(row["uuid"])
      );
      assert.equal(uuids[0], "mine");
      assert.match(uuids[1]!, /^[0-9a-f-]{36}$/);
      assert.equal(new Set(uuids).size, 3);
    },
  ));

test("rows that only the -wal holds are adopted with the others", () =>
  withModels([], async (url) => {
    const writer = new DatabaseSync(sqlitePath(url));
    try {
      writer.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
      writer.exec("INSERT INTO users VALUES (50, 'wal@example.org', 'x', 1, NULL, NULL)");
      assert.ok(existsSync(`${sqlitePath(url)}-wal`));
      await adoptDatabase(url);
    } finally {
      writer.close();
    }
    const [row] = await engine.query(url, "SELECT length(uuid) AS n FROM users WHERE id = 50");
    assert.equal(row?.["n"], 36);
  }));

test("a damaged file is refused with SQLite's own words and how to salvage it, and is not touched", () =>
  withModels([], async (url) => {
    const path = sqlitePath(url);
    const bytes = await readFile(path);
    // In the index an entry is the value and the row's id.
    const at = bytes.indexOf(Buffer.from("f-8\x08"));
    assert.ok(at > 0);
    bytes[at + 2] = "7".charCodeAt(0);
    await writeFile(path, bytes);
    const error = await rejectsWith("not_a_database", adoptDatabase(url));
    assert.match(error.message, /the file is damaged: row \d+ missing from index ix_files_uuid/);
    assert.match(error.hint ?? "", /REINDEX/);
    bytes.fill(0xff, 4096, 6000);
    await writeFile(path, bytes);
    const worse = await rejectsWith(
      "not_a_database",
      withContext(url, async (context) => {
        throw (await prepareAdoption(context)).refusal;
      }),
    );
    assert.match(worse.message, /damaged: .*(malformed|Tree|btree)/i);
    assert.match(worse.hint ?? "", /\.recover/);
    assert.deepEqual(await readFile(path), bytes);
  }));

test("an upgrade that would lose what no revision knows is refused, and a bridge takes it along", () =>
  engine.withDatabase(async (url) => {
    await makeOrigin(engine, url, alembicHead);
    await adoptDatabase(url);
    await engine.query(url, "ALTER TABLE files ADD COLUMN note TEXT");
    await engine.query(url, "UPDATE files SET note = 'mine' WHERE id = 2");
    const error = await rejectsWith("schema_mismatch", upgradeDatabase(url));
    assert.match(error.message, /the copy would lose column files\.note/);
    assert.match(error.hint ?? "", /harbor-db adopt/);
    const { action } = await adoptDatabase(url);
    assert.equal(action, "bridge");
    const [row] = await engine.query(url, "SELECT note FROM files WHERE id = 2");
    assert.equal(row?.["note"], "mine");
    const rows = await engine.query(url, "SELECT revision, origin FROM harbor_version ORDER BY rowid");
    assert.deepEqual(rows.map(({ origin }) => origin), ["adopt", "adopt", "adopt", "bridge"]);
  }));

for (const each of engines.filter(({ dialect }) => dialect === "sqlite")) {
  test(`what a column's own words say goes with its table up, down and over a bridge (${each.name})`, () =>
    each.withDatabase(async (url) => {
      const keyed = (ddl: string) =>
        ddl.replace(
          /^CREATE TABLE users \(id INTEGER NOT NULL, (.*), PRIMARY KEY \(id\)\)$/,
          (_, rest) =>
            `CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ${
              rest.replace(
                "email VARCHAR(255) NOT NULL",
                "email VARCHAR(255) NOT NULL ON CONFLICT IGNORE COLLATE NOCASE",
              )
            })`,
        );
      for (const statement of ddlOf(alembicHead, "sqlite")) await each.query(url, keyed(statement));
      await each.query(
        url,
        "INSERT INTO users VALUES (40, 'u-40', 'A@example.org', 'x', 1, '2025-09-25 13:06:54.566933')",
      );
      await each.query(url, "DELETE FROM users");
      const words = async () => {
        const [row] = await each.query(url, "SELECT sql FROM sqlite_schema WHERE name = 'users'");
        return [...String(row?.["sql"]).matchAll(/AUTOINCREMENT|NOT NULL ON CONFLICT IGNORE|COLLATE NOCASE/g)]
          .map(String);
      };
      const add = async (email: string) => {
        const [row] = await each.query(
          url,
          `INSERT INTO users (uuid, email, password_hash, created_at) VALUES ('${email}', '${email}', 'x', '2025-09-25 13:06:54.566933') RETURNING id`,
        );
        return row?.["id"];
      };
      const all = ["AUTOINCREMENT", "COLLATE NOCASE", "NOT NULL ON CONFLICT IGNORE"];
      assert.deepEqual((await adoptDatabase(url)).action, "stamp");
      await upgradeDatabase(url);
      assert.deepEqual((await words()).toSorted(), all);
      assert.equal(await add("a"), 41);
      await each.query(url, "DELETE FROM users");
      await withContext(
        url,
        (context) =>
          migrate(context, { goal: { direction: "downgrade", text: "f27bd10b7ec4" }, lockWaitMs: 0 }),
      );
      assert.deepEqual((await words()).toSorted(), all);
      assert.equal(await add("b"), 42);
      // What nobody manages is led to head by a bridge.
      await each.query(url, "DELETE FROM users");
      await each.query(url, "DROP TABLE harbor_version");
      await each.query(url, "DROP INDEX ix_files_storage_backend");
      assert.deepEqual((await adoptDatabase(url)).action, "bridge");
      assert.deepEqual((await words()).toSorted(), all);
      assert.equal(await add("c"), 43);
    }));

  test(`what a copy cannot take along is refused at once, with one remedy, by adopt and by upgrade (${each.name})`, () =>
    each.withDatabase(async (url) => {
      const deferred = (ddl: string) =>
        ddl.replace("REFERENCES users (id)", "REFERENCES users (id) DEFERRABLE");
      for (const statement of ddlOf(alembicHead, "sqlite")) await each.query(url, deferred(statement));
      const refused = await rejectsWith("unmanaged", adoptDatabase(url));
      const remedy = "Make the table collections again without DEFERRABLE, then run this again.";
      assert.match(refused.message, /the table collections has to be copied .* would lose its DEFERRABLE/);
      assert.equal(refused.hint, remedy);
      const error = await rejectsWith("schema_mismatch", upgradeDatabase(url));
      assert.match(error.message, /the copy would lose DEFERRABLE of table collections/);
      assert.equal(error.hint, remedy);
      await each.queryUnchecked(url, "DROP TABLE collections");
      for (
        const statement of ddlOf(alembicHead, "sqlite").filter((ddl) =>
          / collections /.test(ddl) && !/ users | files /.test(ddl.slice(0, 24))
        )
      ) {
        await each.query(url, statement);
      }
      await upgradeDatabase(url);
    }));
}
