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
  ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY, c text)", "SELECT 1"],
  [
    "ALTER TABLE t ADD COLUMN d text",
    `-- harbor:backfill table=t key=id\nUPDATE t SET c = 'now ' || c WHERE "t"."c" <> 'x' -- all but those;--> statement-breakpoint\nALTER TABLE t DROP COLUMN d`,
  ],
]);

onEngines(["sqlite file"], "nothing is destroyed for which there is no room beside it", async (given) => {
  const { database, engine, url } = given;
  const limited = (bytes: number): Database => ({
    ...database,
    room: () => Promise.resolve({ folder: "/srv", bytes }),
  });
  const down = (on: Database, keep = true) =>
    migrate(contextOf(on, history), {
      goal: { direction: "downgrade", text: "-1" },
      lockWaitMs: 0,
      keep,
    });
  const rows = () => engine.query(url, "SELECT * FROM t ORDER BY id");
  await migrate(contextOf(database, history), {
    goal: { direction: "upgrade", text: "head" },
    lockWaitMs: 0,
  });
  // Of c 8 bytes become others in each row but one, and are noted twice; of d 20 bytes go in each.
  await engine.query(
    url,
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, iif(i = 1, 'x', 'c2345678'), 'd2345678901234567890' FROM n",
  );
  const before = await rows();
  const error = await rejectsWith("disk_full", down(limited(15_000)));
  assert.match(
    error.message,
    /^Cannot downgrade "000000000002" .*: Cannot put aside what it destroys in "\/srv": that takes about 19 kB, and there is room for 15 kB$/,
  );
  assert.match(error.hint!, /--no-keep/);
  assert.deepEqual(await rows(), before);
  assert.deepEqual(await readKept(database), []);

  // There is room for what the backfill changes, and not for what goes behind it: it goes on where it stopped.
  const second = await rejectsWith("disk_full", down(limited(20_000)));
  assert.match(second.message, /that takes about 23 kB/);
  assert.equal((await rows())[1]!["d"], "d2345678901234567890");
  const { steps: [step] } = await down(limited(40_000));
  assert.deepEqual(step!.kept.map(({ columns, rows }) => [columns, rows]), [[["c"], 999], [["d"], 1000]]);
  assert.deepEqual((await readKept(database)).map(({ rows }) => rows), [999, 1000]);
});

onEngines(["sqlite file"], "what is let go of needs no room", async ({ database, engine, url }) => {
  const full: Database = { ...database, room: () => Promise.resolve({ folder: "/srv", bytes: 0 }) };
  const go = (direction: "upgrade" | "downgrade", text: string) =>
    migrate(contextOf(full, history), { goal: { direction, text }, lockWaitMs: 0, keep: false });
  await go("upgrade", "head");
  await engine.query(url, "INSERT INTO t VALUES (1, 'c', 'd')");
  await go("downgrade", "-1");
  assert.deepEqual(await engine.query(url, "SELECT * FROM t"), [{ id: 1, c: "now c" }]);
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
