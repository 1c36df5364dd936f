import assert from "node:assert/strict";
import { HarborError } from "../../../src/base/errors.ts";
import { readKept } from "../../../src/engines/kept_table.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import type { Dialect } from "../../../src/base/dialect.ts";
import type { Database } from "../../../src/engines/database.ts";
import type { History } from "../../../src/history/history.ts";
import { historyOf } from "../../support/samples/script_history.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { pruneKept } from "../../../src/migrate/kept/prune.ts";
import { dyingAt, returnWords } from "../../support/dying_database.ts";

function go({ database }: Given, direction: "upgrade" | "downgrade", text: string) {
  return migrate(contextOf(database), { goal: { direction, text }, lockWaitMs: 0 });
}

/** Rows as an application of head writes them: three files, of which two lie in R2. */
async function fill({ engine, url }: Given): Promise<void> {
  const now = "'2026-01-02 03:04:05'";
  const run = (statement: string) => engine.query(url, statement);
  await run(
    `INSERT INTO users (id, uuid, email, password_hash, created_at, last_login) VALUES (1, 'u1', 'a@example.org', 'x', ${now}, ${now}), (2, 'u2', 'b@example.org', 'x', NULL, NULL)`,
  );
  await run(
    `INSERT INTO collections (id, uuid, name, created_at, user_id, updated_at) VALUES (1, 'c1', 'one', ${now}, 1, ${now})`,
  );
  const file = (id: number, backend: string, metadata: string) =>
    `(${id}, 'f${id}', 'n', 'n', 'm', 1, 'p', ${now}, 1, '${backend}', ${metadata}, 'thumb${id}')`;
  await run(
    `INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id, storage_backend, metadata_json, thumb_path) VALUES ${
      [file(1, "local", "NULL"), file(2, "r2", "'{\"a\": 1}'"), file(3, "r2", "NULL"), file(4, "r2", "NULL")]
        .join(", ")
    }`,
  );
}

const all = "SELECT * FROM files ORDER BY id";

const one = ["sqlite file", "libsql", "postgres 15"] as const;

onEngines(
  one,
  "what an application wrote outlives the way down and up again, and the way to base",
  async (given) => {
    const { database, engine, url } = given;
    await go(given, "upgrade", "head");
    await fill(given);
    const before = await engine.query(url, all);
    const users = await engine.query(url, "SELECT * FROM users ORDER BY id");
    const down = await go(given, "downgrade", "71dda59686db");
    const kept = down.steps.flatMap(({ kept }) =>
      kept.map(({ table, columns, rows }) => `${table}.${columns.join()} ${rows}`)
    );
    assert.deepEqual(kept.toSorted(), [
      "collections.updated_at 1",
      "files.storage_backend,metadata_json 3",
      "files.thumb_path,medium_path 4",
      "users.created_at 1",
      "users.last_login 1",
    ]);
    // The application of then deletes one file and adds another one.
    await engine.query(url, "DELETE FROM files WHERE id = 4");
    await engine.query(
      url,
      "INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES (4, 'f5', 'n', 'n', 'm', 1, 'p', '2026-01-02 03:04:05', 1)",
    );
    // What is kept already is kept beside what goes now.
    await go(given, "downgrade", "base");
    assert.deepEqual((await database.introspect()).tables, []);
    await go(given, "upgrade", "head");
    const after = await engine.query(url, all);
    assert.deepEqual(after.slice(0, 3), before.slice(0, 3));
    assert.deepEqual(await engine.query(url, "SELECT * FROM users ORDER BY id"), users);
    assert.equal((await engine.query(url, "SELECT * FROM collections")).length, 1);
    assert.equal(after[3]!["storage_backend"], "local");
    // The file whose id the new one got may as well have another UUID now: what is kept of it stays.
    const left = (await readKept(database)).map(({ state, rows }) => [state, rows]);
    assert.deepEqual(left, [["left", 1], ["left", 1]]);
    // The counter is behind what came back.
    await engine.query(
      url,
      "INSERT INTO users (uuid, email, password_hash) VALUES ('u9', 'z@example.org', 'x')",
    );
  },
);

interface Sample {
  readonly dialect: Dialect;
  readonly up: string;
  readonly down: string;
  readonly first: string;
}

/** A revision that makes a table, and one that changes it and back. */
function sampleOf({ dialect, up, down, first }: Sample): History {
  return historyOf(dialect, [[first, "SELECT 1"], [up, down]]);
}

const plain = `CREATE TABLE "t" ("id" integer NOT NULL PRIMARY KEY, "c" text)`;

onEngines(one, "a value that was written since stays, and the older one stays kept", async (given) => {
  const { database, engine, url } = given;
  const history = sampleOf({
    dialect: engine.dialect,
    first: plain,
    up:
      `ALTER TABLE "t" ADD COLUMN "d" text;--> statement-breakpoint\n-- harbor:backfill table=t key=id\nUPDATE "t" SET "d" = 'x' WHERE "d" IS NULL`,
    down: `ALTER TABLE "t" DROP COLUMN "d"`,
  });
  const context = contextOf(database, history);
  const run = (direction: "upgrade" | "downgrade", text: string, on = context) =>
    migrate(on, { goal: { direction, text }, lockWaitMs: 0 });
  await run("upgrade", "head");
  await engine.query(url, `INSERT INTO t (id, c, d) VALUES (1, 'a', 'old'), (2, 'b', 'x'), (3, 'c', 'kept')`);
  await run("downgrade", "-1");
  assert.deepEqual((await readKept(database)).map(({ rows }) => rows), [2]);
  // Killed when the revision is there and nothing has come back: the application writes meanwhile.
  const dying = dyingAt(database, returnWords);
  await assert.rejects(run("upgrade", "head", contextOf(dying, history)), /killed/);
  await engine.query(url, "UPDATE t SET d = 'new' WHERE id = 1");
  const { returned } = await run("upgrade", "head");
  assert.deepEqual(returned.map(({ rows, left }) => [rows, left]), [[1, 1]]);
  assert.match(returned[0]!.reason!, /^1 row holds something newer$/);
  const values = async () => (await engine.query(url, "SELECT d FROM t ORDER BY id")).map(({ d }) => d);
  assert.deepEqual(await values(), ["new", "x", "kept"]);
  assert.deepEqual((await readKept(database)).map(({ state, rows }) => [state, rows]), [["left", 1]]);
  // Again: what is newer is kept beside it and comes back, the older stays.
  await run("downgrade", "-1");
  await run("upgrade", "head");
  assert.deepEqual(await values(), ["new", "x", "kept"]);
  assert.deepEqual((await readKept(database)).map(({ rows }) => rows), [1]);
  // The application deletes the row: nothing is kept of it any more.
  await engine.query(url, "DELETE FROM t WHERE id = 1");
  // Who may only read has nothing to do, and leaves that to the next.
  const refused = new HarborError("read_only", "Cannot write");
  const refusing: Database = { ...database, write: () => Promise.reject(refused) };
  assert.deepEqual((await run("upgrade", "head", contextOf(refusing, history))).pruned, []);
  assert.equal((await readKept(database)).length, 1);
  await run("upgrade", "head");
  assert.deepEqual(await readKept(database), []);
});

onEngines(
  ["sqlite file", "postgres 15"],
  "rows are missing of kept data where somebody took them, however often a run dies",
  async (given) => {
    const { database, engine, url } = given;
    const history = sampleOf({
      dialect: engine.dialect,
      first: plain,
      up: `ALTER TABLE "t" ADD COLUMN "d" text`,
      down: `ALTER TABLE "t" DROP COLUMN "d"`,
    });
    const run = (direction: "upgrade" | "downgrade", text: string, on = database) =>
      migrate(contextOf(on, history), { goal: { direction, text }, lockWaitMs: 0 });
    await run("upgrade", "head");
    await engine.query(
      url,
      `INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, 'c', 'd' || i FROM n`,
    );
    await run("downgrade", "-1");
    await assert.rejects(run("upgrade", "head", dyingAt(database, returnWords, 3)), /killed/);
    const [half] = await readKept(database);
    assert.ok(half!.state === "returning" && half!.rows > 0 && half!.rows < 900, JSON.stringify(half));
    await engine.query(url, `DELETE FROM ${half!.sideTable} WHERE harbor_row > 895`);
    const ended = await run("downgrade", "-1");
    assert.deepEqual(ended.returned.map(({ rows, missing }) => [rows, missing]), [[half!.rows - 5, 5]]);
    // What is pruned is not missing, however often a run dies over it; what somebody took before is.
    const [kept] = await readKept(database);
    assert.equal(kept!.rows, 895);
    await engine.query(url, `DELETE FROM ${kept!.sideTable} WHERE harbor_row <= 7`);
    await engine.query(url, "DELETE FROM t WHERE id > 50");
    const prune = (on: Database) => pruneKept(contextOf(on, history));
    await assert.rejects(prune(dyingAt(database, "NOT EXISTS", 2)), /killed/);
    await prune(database);
    const { steps: [up] } = await run("upgrade", "head");
    assert.deepEqual(up!.returned.map(({ rows, missing }) => [rows, missing]), [[43, 7]]);
  },
);

onEngines(["sqlite file", "postgres 15"], "a conversion gives back what it changed", async (given) => {
  const { database, engine, url } = given;
  const isSqlite = engine.dialect === "sqlite";
  const retype = (type: string, using: string) =>
    [
      `CREATE TABLE "__new_t" ("id" integer NOT NULL PRIMARY KEY, "c" ${type})`,
      `INSERT INTO "__new_t"("id", "c") SELECT "id", ${isSqlite ? '"c"' : using} FROM "t"`,
      `DROP TABLE "t"`,
      `ALTER TABLE "__new_t" RENAME TO "t"`,
    ].join(";--> statement-breakpoint\n");
  const history = sampleOf({
    dialect: engine.dialect,
    first: plain,
    up: isSqlite ? retype("integer", "") : `ALTER TABLE "t" ALTER COLUMN "c" TYPE integer USING "c"::integer`,
    down: isSqlite ? retype("text", "") : `ALTER TABLE "t" ALTER COLUMN "c" TYPE text USING "c"::text`,
  });
  const context = contextOf(database, history);
  const run = (direction: "upgrade" | "downgrade", text: string) =>
    migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  await run("upgrade", "+1");
  await engine.query(url, `INSERT INTO t (id, c) VALUES (1, '007'), (2, '8'), (3, '009')`);
  const { steps: [up] } = await run("upgrade", "head");
  assert.deepEqual(up!.kept.map(({ kind, rows }) => [kind, rows]), [["changed", 2]]);
  await engine.query(url, "UPDATE t SET c = 10 WHERE id = 3");
  const { steps: [down] } = await run("downgrade", "-1");
  assert.deepEqual(down!.returned.map(({ rows, left }) => [rows, left]), [[1, 1]]);
  const rows = await engine.query(url, "SELECT c FROM t ORDER BY id");
  assert.deepEqual(rows.map(({ c }) => c), ["007", "8", "10"]);
});

/** A trigger that writes down every change of `t`. */
const noting: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [
    "CREATE TRIGGER noting AFTER UPDATE ON t BEGIN UPDATE t SET c = 'touched' WHERE id = NEW.id; END",
  ],
  postgresql: [
    "CREATE FUNCTION noting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.c = 'touched'; RETURN NEW; END $$",
    "CREATE TRIGGER noting BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION noting()",
  ],
};

onEngines(
  ["sqlite file", "postgres 15"],
  "triggers do not fire for what comes back, and do afterwards; what refers to a row that is gone stays kept",
  async (given) => {
    const { database, engine, url } = given;
    const isSqlite = engine.dialect === "sqlite";
    const history = sampleOf({
      dialect: engine.dialect,
      first: plain,
      // SQLite does not drop a column that refers to something.
      up: `ALTER TABLE "t" ADD COLUMN "p" integer${isSqlite ? "" : ' REFERENCES "t"("id")'}`,
      down: `ALTER TABLE "t" DROP COLUMN "p"`,
    });
    const context = contextOf(database, history);
    const run = (direction: "upgrade" | "downgrade", text: string) =>
      migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
    await run("upgrade", "head");
    await engine.query(
      url,
      `INSERT INTO t (id, c, p) VALUES (1, 'a', NULL), (2, 'b', 1), (3, 'c', 2), (4, 'd', 1)`,
    );
    await run("downgrade", "-1");
    for (const statement of noting[engine.dialect]) await engine.query(url, statement);
    await engine.query(url, "DELETE FROM t WHERE id = 2");
    const { steps: [up] } = await run("upgrade", "head");
    assert.deepEqual(up!.returned.map(({ rows, deleted, left }) => [rows, deleted, left]), [
      isSqlite ? [2, 1, 0] : [1, 1, 1],
    ]);
    const read = async () =>
      (await engine.query(url, "SELECT id, c, p FROM t ORDER BY id")).map(Object.values);
    assert.deepEqual(await read(), [[1, "a", null], [3, "c", isSqlite ? 2 : null], [4, "d", 1]]);
    await engine.query(url, "UPDATE t SET c = 'z' WHERE id = 1");
    assert.deepEqual((await read())[0], [1, "touched", null]);
  },
);

onEngines(
  ["sqlite file", "postgres 15"],
  "what goes behind a part that gave its table, its key and the column other names comes back",
  async ({ database, engine, url }) => {
    const breakpoint = ";\n--> statement-breakpoint\n";
    const part = "-- harbor:backfill table=named key=id\nUPDATE named SET c = 'x' WHERE c = 'y'";
    const history = historyOf(engine.dialect, [
      [
        [
          "CREATE TABLE old (id integer NOT NULL PRIMARY KEY, name text)",
          'CREATE TABLE before ("a b" integer, b text, PRIMARY KEY ("a b", b))',
          "CREATE TABLE named (id integer NOT NULL PRIMARY KEY, c text)",
        ].join(breakpoint),
        "SELECT 1",
      ],
      [
        [
          "ALTER TABLE old RENAME TO new",
          "ALTER TABLE new ADD COLUMN c text",
          'ALTER TABLE before RENAME COLUMN "a b" TO swap',
          'ALTER TABLE before RENAME COLUMN b TO "a b"',
          "ALTER TABLE before RENAME COLUMN swap TO b",
          "ALTER TABLE before ADD COLUMN c text",
          'ALTER TABLE before RENAME TO "be hind"',
        ].join(breakpoint),
        [
          "ALTER TABLE new RENAME TO old",
          'ALTER TABLE "be hind" RENAME TO before',
          "ALTER TABLE before RENAME COLUMN b TO swap",
          'ALTER TABLE before RENAME COLUMN "a b" TO b',
          'ALTER TABLE before RENAME COLUMN swap TO "a b"',
          part,
          "ALTER TABLE old DROP COLUMN c",
          "ALTER TABLE before DROP COLUMN c",
        ].join(breakpoint),
      ],
    ]);
    const go = (direction: "upgrade" | "downgrade", text: string) =>
      migrate({ ...contextOf(database), history }, { goal: { direction, text }, lockWaitMs: 0 });
    const read = async () => [
      (await engine.query(url, "SELECT id, c FROM new ORDER BY id")).map(Object.values),
      (await engine.query(url, 'SELECT b, "a b", c FROM "be hind" ORDER BY b')).map(Object.values),
    ];
    await go("upgrade", "head");
    await engine.query(url, "INSERT INTO new VALUES (1, 'a', 'kept'), (2, 'b', NULL)");
    await engine.query(
      url,
      `INSERT INTO "be hind" (b, "a b", c) VALUES (1, 'a', 'kept'), (2, 'b', 'too')`,
    );
    const before = await read();
    await go("downgrade", "-1");
    await go("upgrade", "head");
    assert.deepEqual(await read(), before);
    assert.deepEqual(await readKept(database), []);
  },
);

onEngines(
  ["sqlite file"],
  "what is kept by a key that an earlier revision makes waits for that, and rows that were deleted by another name are forgotten",
  async ({ database, engine, url }) => {
    const breakpoint = ";\n--> statement-breakpoint\n";
    const copied = (id: string) =>
      [
        `CREATE TABLE __new_users (id ${id}, name text NOT NULL UNIQUE)`,
        "INSERT INTO __new_users (name) SELECT name FROM users",
        "DROP TABLE users",
        "ALTER TABLE __new_users RENAME TO users",
      ].join(breakpoint);
    const scripts = [
      [
        "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, name text NOT NULL UNIQUE);--> statement-breakpoint\nCREATE TABLE old (id integer NOT NULL PRIMARY KEY)",
        "SELECT 1",
      ],
      [
        `${
          copied("text NOT NULL DEFAULT (lower(hex(randomblob(8)))) PRIMARY KEY")
        }${breakpoint}ALTER TABLE old RENAME TO new`,
        `${copied("integer NOT NULL PRIMARY KEY")}${breakpoint}ALTER TABLE new RENAME TO old`,
      ],
      [
        `ALTER TABLE users ADD COLUMN c text${breakpoint}ALTER TABLE new ADD COLUMN c text`,
        `ALTER TABLE users DROP COLUMN c${breakpoint}ALTER TABLE new DROP COLUMN c`,
      ],
    ] as const;
    const go = (
      direction: "upgrade" | "downgrade",
      text: string,
      known: typeof scripts | readonly [typeof scripts[0]] = scripts,
    ) =>
      migrate(contextOf(database, historyOf("sqlite", known)), {
        goal: { direction, text },
        lockWaitMs: 0,
      });
    await go("upgrade", "head");
    await engine.query(url, "INSERT INTO users (name, c) VALUES ('ann', 'a'), ('bob', 'b')");
    await engine.query(url, "INSERT INTO new VALUES (1, 'x'), (2, 'y')");
    await go("downgrade", "000000000001");
    await engine.query(url, "DELETE FROM old WHERE id = 1");
    // An older release does not know what the way down did.
    assert.deepEqual((await go("upgrade", "head", [scripts[0]])).pruned, []);
    const { pruned } = await go("upgrade", "000000000001");
    assert.deepEqual(pruned.map(({ table, rows }) => [table, rows]), [["new", 1]]);
    await go("upgrade", "head");
    const rows = await engine.query(url, "SELECT name, c FROM users ORDER BY name");
    assert.deepEqual(rows.map(Object.values), [["ann", "a"], ["bob", "b"]]);
    assert.deepEqual((await engine.query(url, "SELECT id, c FROM new")).map(Object.values), [[2, "y"]]);
  },
);
