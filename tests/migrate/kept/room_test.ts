import assert from "node:assert/strict";
import type { SQL } from "drizzle-orm";
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { readKept } from "../../../src/engines/kept_table.ts";
import type { Database } from "../../../src/engines/database.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { sqlitePath } from "../../support/databases.ts";
import { onEngines } from "../../support/each_engine.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const history = historyOf("sqlite", [
  ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY, c text)", "DROP TABLE t"],
  ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
  [
    "ALTER TABLE t ADD COLUMN e text",
    `-- harbor:backfill table=t key=id\nUPDATE t SET c = 'now ' || c WHERE "t"."c" <> 'x' -- all but those;--> statement-breakpoint\nALTER TABLE t DROP COLUMN e`,
  ],
]);

/** A device with so much left. */
function limited(database: Database, bytes: number): Database {
  const after = (taken: number) => Math.max(0, bytes - taken);
  return { ...database, room: () => Promise.resolve({ folder: "/srv", bytes: after(0), after }) };
}

const goTo = (on: Database, direction: "upgrade" | "downgrade", text: string, of = history) =>
  migrate(contextOf(on, of), { goal: { direction, text }, lockWaitMs: 0 });

/** Of c 8 bytes become others in each row but one, and are noted twice; of d and e 20 bytes go in each. */
const rows = (d: string, e: string) =>
  `INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, iif(i = 1, 'x', 'c2345678'), ${d}, ${e} FROM n`;

const [wide, gone] = ["'v2345678901234567890'", "NULL"];

onEngines(["sqlite file"], "nothing is destroyed for which there is no room beside it", async (given) => {
  const { database, engine, url } = given;
  const read = () => engine.query(url, "SELECT * FROM t ORDER BY id");
  await goTo(database, "upgrade", "head");
  await engine.query(url, rows(gone, gone));
  const before = await read();
  // What a script makes of values is told when its step is next.
  const error = await rejectsWith("disk_full", goTo(limited(database, 15_000), "downgrade", "-1"));
  assert.match(
    error.message,
    /^Cannot downgrade "000000000003" .*: Cannot put aside what it destroys in "\/srv": that takes about 27 kB, and there is room for 15 kB$/,
  );
  assert.match(error.hint!, /--no-keep/);
  assert.deepEqual(await read(), before);
  assert.deepEqual(await readKept(database), []);
  const { steps: [step] } = await goTo(limited(database, 30_000), "downgrade", "-1");
  assert.deepEqual(step!.kept.map(({ columns, rows }) => [columns, rows]), [[["c"], 999]]);
});

onEngines(
  ["sqlite file"],
  "a plan is refused before its first step when there is no room for a later one",
  async (given) => {
    const { database, engine, url } = given;
    const read = () => engine.query(url, "SELECT * FROM t ORDER BY id");
    await goTo(database, "upgrade", "head");
    await engine.query(url, rows(wide, wide));
    const before = await read();
    const refused = async (bytes: number, text: string) =>
      (await rejectsWith("disk_full", goTo(limited(database, bytes), "downgrade", text))).message;
    // Not even what goes before it in the same script is done.
    assert.match(
      await refused(28_000, "-1"),
      /: on the way past 000000000003 what goes is put aside in "\/srv", which takes at least 30 kB, and there is room for 28 kB$/,
    );
    // The keys stand twice then, and what is in the column that went is free.
    assert.match(
      await refused(35_000, "-2"),
      /: on the way past 000000000002 what goes is put aside .* at least 30 kB, and there is room for 26 kB by then, 35 kB now$/,
    );
    assert.deepEqual(await read(), before);
    assert.deepEqual(await readKept(database), []);
    await goTo(limited(database, 40_000), "downgrade", "-2");
    assert.deepEqual((await readKept(database)).map(({ columns }) => columns.map(({ name }) => name)), [
      ["c"],
      ["e"],
      ["d"],
    ]);
  },
);

onEngines(
  ["sqlite file"],
  "a plan is not refused for what fits where an earlier step leaves room",
  async (given) => {
    const { database, engine, url } = given;
    const tables = ["a", "b", "c"];
    const each = historyOf("sqlite", [
      "CREATE TABLE first (id integer PRIMARY KEY)",
      ...tables.map((name) => [`CREATE TABLE ${name} (v text)`, `DROP TABLE ${name}`] as const),
    ]);
    await goTo(database, "upgrade", "head", each);
    for (const name of tables) {
      await engine.query(
        url,
        `INSERT INTO ${name} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT printf('%040d', i) FROM n`,
      );
    }
    await rejectsWith("disk_full", goTo(limited(database, 40_000), "downgrade", "-3", each));
    const { steps } = await goTo(limited(database, 60_000), "downgrade", "-3", each);
    assert.deepEqual(steps.flatMap(({ kept }) => kept.map(({ table, rows }) => [table, rows])), [
      ["c", 1000],
      ["b", 1000],
      ["a", 1000],
    ]);
  },
);

onEngines(
  ["sqlite file"],
  "a large table that is dropped beside its writers needs room for a batch, and not for all of it",
  async (given) => {
    const { database, engine, url } = given;
    const large = historyOf("sqlite", [
      "CREATE TABLE first (id integer PRIMARY KEY)",
      ["CREATE TABLE w (id integer NOT NULL PRIMARY KEY, v text)", "DROP TABLE w"],
    ]);
    await goTo(database, "upgrade", "head", large);
    await engine.query(
      url,
      "INSERT INTO w WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, printf('%050d', i) FROM n",
    );
    const bytes = async () => (await database.space())!.fileBytes;
    const before = await bytes();
    const { steps: [step] } = await goTo(limited(database, 0), "downgrade", "-1", large);
    assert.deepEqual(step!.kept.map(({ table, rows }) => [table, rows]), [["w", 100_000]]);
    assert.ok(await bytes() < 1.5 * before, `${await bytes()} bytes, and ${before} before`);
  },
);

onEngines(
  ["sqlite file"],
  "a plan is refused before its first step when a later one has no room to copy a large table",
  async (given) => {
    const { database, engine, url } = given;
    const large = historyOf("sqlite", [
      "CREATE TABLE first (id integer PRIMARY KEY)",
      ["CREATE TABLE w (id integer NOT NULL PRIMARY KEY, v text, n text)", "DROP TABLE w"],
      ["SELECT 1", "ALTER TABLE w DROP COLUMN n"],
      ["CREATE TABLE last (id integer PRIMARY KEY)", "DROP TABLE last"],
    ]);
    await goTo(database, "upgrade", "head", large);
    await engine.query(
      url,
      "INSERT INTO w WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, printf('%050d', i), 'n' FROM n",
    );
    const down = (bytes: number) =>
      migrate(contextOf(limited(database, bytes), large), {
        goal: { direction: "downgrade", text: "-2" },
        lockWaitMs: 0,
        keep: false,
      });
    const { message, hint } = await rejectsWith("disk_full", down(900_000));
    assert.match(
      message,
      /on the way past 000000000003 "w" is copied beside its writers in "\/srv", .* at least 1\.1 MB/,
    );
    assert.doesNotMatch(hint!, /no-keep/);
    assert.equal((await engine.query(url, "SELECT name FROM sqlite_schema WHERE name = 'last'")).length, 1);
    const { steps } = await down(1_300_000);
    assert.equal(steps.length, 2);
  },
);

onEngines(["sqlite file"], "what is let go of needs no room", async ({ database, engine, url }) => {
  const go = (direction: "upgrade" | "downgrade", text: string) =>
    migrate(contextOf(limited(database, 0), history), {
      goal: { direction, text },
      lockWaitMs: 0,
      keep: false,
    });
  await go("upgrade", "head");
  await engine.query(url, "INSERT INTO t VALUES (1, 'c', 'd', 'e')");
  await go("downgrade", "-1");
  assert.deepEqual(await engine.query(url, "SELECT * FROM t"), [{ id: 1, c: "now c", d: "d" }]);
});

onEngines(["sqlite file"], "a file knows what fits on its device, beside a log half of it", async (given) => {
  const { database, engine, url } = given;
  const folder = dirname(sqlitePath(url));
  const device = () => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  // Others write to the device meanwhile.
  const isAbout = (bytes: number, wanted: number) => Math.abs(bytes / wanted - 1) < 0.1;
  const plain = (await database.room())!;
  assert.equal(plain.folder, folder);
  assert.ok(isAbout(plain.bytes, device()), `${plain.bytes} of ${device()}`);
  await engine.query(url, "PRAGMA journal_mode = wal");
  const logged = (await database.room())!;
  assert.ok(isAbout(logged.bytes, device() / 2), `${logged.bytes} of ${device()}`);
});

onEngines(
  ["sqlite file"],
  "a plan is refused before its first step when a later one has no room for what it copies or changes in one transaction",
  async (given) => {
    const { database, engine, url } = given;
    const rebuilt = (values: string) =>
      [
        "CREATE TABLE __new_t (id integer NOT NULL PRIMARY KEY, v text, n text NOT NULL)",
        `INSERT INTO __new_t (id, v, n) SELECT id, ${values} FROM t`,
        "DROP TABLE t",
        "ALTER TABLE __new_t RENAME TO t",
        "CREATE INDEX t_v ON t (v)",
      ].join(";\n");
    const each = historyOf("sqlite", [
      "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v text, n text NOT NULL); CREATE INDEX t_v ON t (v)",
      ["SELECT 1", rebuilt("v, n")],
      ["SELECT 1", "UPDATE t SET n = upper(n)"],
      ["CREATE TABLE last (id integer PRIMARY KEY)", "DROP TABLE last"],
    ]);
    await goTo(database, "upgrade", "head", each);
    await engine.query(
      url,
      "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, printf('%020d', i), printf('n%039d', i) FROM n",
    );
    const isWhole = async () =>
      (await engine.query(url, "SELECT name FROM sqlite_schema WHERE name = 'last'")).length === 1;
    const down = (bytes: number, text: string) => goTo(limited(database, bytes), "downgrade", text, each);
    const changed = await rejectsWith("disk_full", down(40_000, "-2"));
    assert.match(changed.message, /past 000000000003 what goes or changes is put aside in .* at least 50 kB/);
    assert.ok(await isWhole());
    // What is in the last table is free by then. Nobody knows what the values that change are: they are not counted.
    const copied = await rejectsWith("disk_full", down(47_000, "-3"));
    assert.match(copied.message, /past 000000000002 "t" is copied in .* at least 53 kB/);
    assert.doesNotMatch(copied.hint!, /no-keep/);
    assert.ok(await isWhole());
    assert.equal((await down(200_000, "-3")).steps.length, 3);
  },
);

onEngines(
  ["sqlite file"],
  "the rows of any table are summed, however their ids are called",
  async (given) => {
    const { database, engine, url } = given;
    const tables = [
      ["a (id integer NOT NULL PRIMARY KEY, v text)", "i - 2500"],
      ["b (rowid text, v text)", "'k'"],
      ["c (rowid text, _rowid_ text, oid text, v text)", "'k', 'k', 'k'"],
      ["d (k text NOT NULL PRIMARY KEY, v text) WITHOUT ROWID", "'k' || i"],
    ] as const;
    const each = historyOf("sqlite", [
      "CREATE TABLE first (id integer PRIMARY KEY)",
      ...tables.map(([table]) => [`CREATE TABLE ${table}`, `DROP TABLE ${table[0]}`] as const),
    ]);
    await goTo(database, "upgrade", "head", each);
    for (const [table, key] of tables) {
      await engine.query(
        url,
        `INSERT INTO ${
          table[0]
        } WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT ${key}, printf('%040d', i) FROM n`,
      );
    }
    for (const [table] of tables.toReversed()) {
      let slices = 0;
      const watched: Database = {
        ...limited(database, 100_000),
        async read<Row>(query: SQL) {
          const rows = await database.read<Row>(query);
          if (rows.length === 1 && Object.hasOwn(rows[0] as object, "bytes")) slices++;
          return rows;
        },
      };
      const { message } = await rejectsWith("disk_full", goTo(watched, "downgrade", "-1", each));
      assert.match(message, /what goes is put aside .* at least 2\d\d kB/, table);
      // With a rollback journal nobody commits while one of them is read.
      assert.equal(slices > 1, /^[ab]/.test(table), table);
      await goTo(database, "downgrade", "-1", each);
    }
  },
);
