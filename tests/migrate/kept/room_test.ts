import assert from "node:assert/strict";
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
      /on the way past 000000000003 "w" is copied beside its writers in "\/srv", .* 1\.2 MB/,
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
