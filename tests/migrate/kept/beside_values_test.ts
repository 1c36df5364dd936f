import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import { readKept } from "../../../src/engines/kept_table.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { killAfter, withLarge } from "../../support/beside_writer.ts";
import { withFolder } from "../../support/databases.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

/** What a script makes of column `c`, and the type that it has then. */
interface Way {
  readonly type: string;
  readonly value: string;
}

interface Sample {
  readonly up: Way;
  readonly down: Way;
  /** Whether columns go behind an update instead, one up and one down. */
  readonly isUpdate?: true;
  /** Whether updates write them, and a copy takes them over. */
  readonly isBefore?: true;
}

const samples: Readonly<Record<string, Sample>> = {
  "a cast there and back": {
    up: { type: "integer", value: "CAST(c AS INTEGER)" },
    down: { type: "text", value: "CAST(c AS TEXT)" },
  },
  "both ways that write the same": {
    up: { type: "text", value: "upper(c)" },
    down: { type: "text", value: "lower(c)" },
  },
  "a list of cases": {
    up: { type: "integer", value: "CASE c WHEN 'a1' THEN 1 WHEN 'A2' THEN 2 ELSE coalesce(c, 0) END" },
    down: { type: "text", value: "c" },
  },
  "an update before columns that go": {
    up: { type: "text", value: "upper(c)" },
    down: { type: "text", value: "lower(c) || ''" },
    isUpdate: true,
  },
  "an update before a copy": {
    up: { type: "text", value: "upper(c)" },
    down: { type: "text", value: "lower(c) || ''" },
    isBefore: true,
  },
  "an update of NULLs before a change of definition": {
    up: { type: "text NOT NULL", value: "'none' WHERE c IS NULL" },
    down: { type: "text", value: "c" },
    isBefore: true,
  },
  "a part of it, of a table without a key": {
    up: { type: "text", value: "substr(c || n, 1, 2)" },
    down: { type: "text", value: "c" },
  },
};

const columnsOf = (what: string) =>
  what.includes("without a key") ? "id integer NOT NULL" : "id integer NOT NULL PRIMARY KEY";
const breakpoint = ";--> statement-breakpoint\n";
const copyOf = (id: string, { type, value }: Way) =>
  [
    `CREATE TABLE __new_t (${id}, c ${type}, n text)`,
    `INSERT INTO __new_t (id, c, n) SELECT id, ${value}, n FROM t`,
    "DROP TABLE t",
    "ALTER TABLE __new_t RENAME TO t",
  ].join(breakpoint);

const updateOf = (value: string, [come, gone]: readonly [come: string, gone: string]) =>
  [
    `ALTER TABLE t ADD COLUMN ${come} text`,
    `UPDATE t SET c = ${value} WHERE n IS NOT NULL`,
    `ALTER TABLE t DROP COLUMN ${gone}`,
  ].join(breakpoint);

const updatedCopyOf = (id: string, { type, value }: Way) =>
  [`UPDATE t SET c = ${value}`, copyOf(id, { type, value: "c" })].join(breakpoint);

/** What the values of rows are by their ids, with their types. */
type Rows = ReadonlyMap<number, string>;

/** Goes up, down and up again, with an application beside and between; returns whether it was killed. */
function goThere(
  what: string,
  { up, down, isUpdate, isBefore }: Sample,
  killedAfter: number,
): Promise<{ readonly isKilled: boolean; readonly states: readonly string[] }> {
  const id = columnsOf(what);
  const history = historyOf("sqlite", [
    [`CREATE TABLE t (${id}, c text, n text${isUpdate ? ", gone text" : ""})`, "DROP TABLE t"],
    isUpdate
      ? [updateOf(up.value, ["more", "gone"]), updateOf(down.value, ["gone", "more"])]
      : isBefore
      ? [updatedCopyOf(id, up), updatedCopyOf(id, down)]
      : [copyOf(id, up), copyOf(id, down)],
  ]);
  return withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    new DatabaseSync(path).close();
    const application = new DatabaseSync(path);
    const states: string[] = [];
    let next = 1000;
    const write = () => {
      application.exec(`INSERT INTO t (id, c, n) VALUES (${next++}, '77', 'beside')`);
      application.exec(
        `UPDATE t SET n = 'beside', c = '77' WHERE id = (SELECT min(id) FROM t WHERE n = 'old')`,
      );
      application.exec(`DELETE FROM t WHERE id = ${next - 4}`);
    };
    const go = (direction: "upgrade" | "downgrade", text: string, notify = write) =>
      withLarge(
        path,
        (database) =>
          migrate({ ...contextOf(database, history), notify }, { goal: { direction, text }, lockWaitMs: 0 }),
      );
    const shown = (where = "n <> 'beside'"): Rows => {
      const rows = application.prepare(
        `SELECT id, typeof(c) || ' ' || coalesce(c, '') AS c FROM t WHERE ${where} ORDER BY id`,
      ).all();
      return new Map(rows.map(({ id, c }) => [Number(id), String(c)]));
    };
    const change = (ids: number, c: string) =>
      application.prepare("UPDATE t SET c = ?, n = 'new' WHERE id % 7 = ? AND n <> 'beside'").run(c, ids);
    /** What a step leaves of rows that were kept before it, or made by it. */
    const assertSame = (rows: Rows, wanted: Rows, of: (id: number) => boolean, words: string) => {
      const ids = [...rows.keys()].filter((id) => of(id));
      assert.ok(ids.length > 2, words);
      for (const id of ids) assert.equal(rows.get(id), wanted.get(id), `${words} ${id}`);
    };
    try {
      await go("upgrade", "+1", () => {});
      const insert = application.prepare("INSERT INTO t (id, c, n) VALUES (?, ?, 'old')");
      const values = ["a1", "A2", "007", "8", "x", null, "77", "Oo"];
      for (let place = 1; place < 80; place++) insert.run(place, values[place % values.length]!);
      if (isUpdate) application.exec("UPDATE t SET gone = 'was ' || id");
      const first = shown();
      const isKilled = await killAfter(
        killedAfter,
        { path, application, write },
        async () => void await go("upgrade", "head"),
      );
      application.exec("UPDATE harbor_lock SET expires_at = 0");
      states.push(...(await withLarge(path, readKept)).map(({ state }) => state));
      write();
      await go("upgrade", "head");
      const kept = isUpdate ? ["kept", "kept"] : ["kept"];
      assert.deepEqual((await withLarge(path, readKept)).map(({ state }) => state), kept);
      change(1, "12");
      const second = shown();
      await go("downgrade", "-1");
      const third = shown();
      if (isUpdate) {
        const lost = application.prepare("SELECT id FROM t WHERE n <> 'beside' AND gone IS NOT 'was ' || id")
          .all();
        assert.deepEqual(lost, []);
      }
      assertSame(third, first, (id) => id % 7 !== 1, "what nobody wrote is as it was");
      change(2, "13");
      await go("upgrade", "head");
      const fourth = shown();
      assertSame(fourth, second, (id) => id % 7 !== 2, "and so is what was written between");
      const found = application.prepare(
        "SELECT (SELECT count(*) FROM sqlite_schema WHERE name GLOB 'harbor_[bk]e[ei]*') AS left, (SELECT * FROM pragma_integrity_check) AS state",
      ).get();
      assert.deepEqual({ ...found }, { left: 0, state: "ok" });
      assert.ok(shown("n = 'beside'").size > 5);
      return { isKilled, states };
    } finally {
      application.close();
    }
  });
}

for (const [what, sample] of Object.entries(samples)) {
  test(`up, down and up again beside a writer leaves alone what nobody wrote: ${what}`, async () => {
    await goThere(what, sample, Infinity);
  });
}

test("so it does whenever it is killed", async () => {
  const states = new Set<string>();
  const names = Object.keys(samples);
  let isOver = 0;
  for (let turn = 0; isOver < names.length; turn++) {
    const what = names[turn % names.length]!;
    const { isKilled, states: seen } = await goThere(what, samples[what]!, 30 + 17 * turn);
    for (const state of seen) states.add(state);
    isOver = isKilled ? 0 : isOver + 1;
  }
  assert.ok(states.has("keeping"), "some kill came while it was put aside");
});
