import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import { readKept } from "../../../src/engines/kept_table.ts";
import type { History } from "../../../src/history/history.ts";
import { clearBeside } from "../../../src/migrate/clear_beside.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { killAfter, withLarge } from "../../support/beside_writer.ts";
import { withFolder } from "../../support/databases.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const breakpoint = ";--> statement-breakpoint\n";
const history = historyOf("sqlite", [
  ["CREATE TABLE p (id integer NOT NULL PRIMARY KEY)", "DROP TABLE p"],
  ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY, c text, p integer REFERENCES p (id))", "DROP TABLE t"],
  [
    [
      "ALTER TABLE t ADD COLUMN d text",
      "ALTER TABLE t ADD COLUMN e blob",
      "-- harbor:backfill table=t key=id\nUPDATE t SET d = 'x' WHERE d IS NULL",
      "CREATE INDEX of_d ON t (d)",
    ].join(breakpoint),
    ["DROP INDEX of_d", "ALTER TABLE t DROP COLUMN d", "ALTER TABLE t DROP COLUMN e"].join(breakpoint),
  ],
]);

interface Bench {
  readonly path: string;
  readonly application: DatabaseSync;
  /** Writes a little, as the application of either revision; what its rows have to hold at the end is noted. */
  write(): void;
  /** Goes there, with a little written after every message. */
  go(direction: "upgrade" | "downgrade"): Promise<void>;
  assertWhole(): Promise<void>;
}

function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    new DatabaseSync(path).close();
    const application = new DatabaseSync(path);
    application.exec("PRAGMA synchronous = OFF");
    const wanted = new Map<number, string | null>();
    let next = 0;
    const write = () => {
      const isThere = application.prepare("SELECT 1 FROM pragma_table_info('t') WHERE name = 'd'").get();
      const id = ++next;
      if (isThere === undefined) {
        application.prepare("INSERT INTO t (id, c, p) VALUES (?, 'c', 1)").run(id);
        wanted.set(id, "x");
      } else {
        application.prepare("INSERT INTO t (id, c, p, d, e) VALUES (?, 'c', 1, ?, x'00')").run(id, `d${id}`);
        wanted.set(id, `d${id}`);
        application.prepare("UPDATE t SET d = ? WHERE id = ?").run(`new ${id}`, id - 3);
        if (wanted.has(id - 3)) wanted.set(id - 3, `new ${id}`);
      }
      application.prepare("DELETE FROM t WHERE id = ?").run(id - 7);
      wanted.delete(id - 7);
      // The parent of the rows may be looked for, and nobody may take it away.
      assert.throws(() => application.exec("DELETE FROM p"), /FOREIGN KEY/);
    };
    const go = (direction: "upgrade" | "downgrade") =>
      withLarge(path, async (database) => {
        const context = { ...contextOf(database, history), notify: write };
        const text = direction === "upgrade" ? "head" : "-1";
        await migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
      });
    try {
      await withLarge(path, async (database) => {
        await migrate(contextOf(database, history), {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        });
      });
      application.exec("INSERT INTO p VALUES (1)");
      for (let count = 0; count < 30; count++) {
        write();
        // Rows with what the upgrade gives them need no keeping.
        application.exec(`INSERT INTO t (id, c, d) VALUES (${1000 + count}, 'c', 'x')`);
        wanted.set(1000 + count, "x");
      }
      const assertWhole = async () => {
        application.exec("SELECT 1 FROM sqlite_schema");
        const rows = application.prepare("SELECT id, d FROM t").all() as { id: number; d: string }[];
        assert.deepEqual(
          new Map(rows.map(({ id, d }) => [id, d])),
          new Map([...wanted].toSorted(([a], [b]) => a - b)),
        );
        const found = application.prepare(
          "SELECT (SELECT count(*) FROM sqlite_schema WHERE name GLOB 'harbor_[bk]e*') AS left, (SELECT * FROM pragma_integrity_check) AS state",
        ).get();
        assert.deepEqual({ ...found }, { left: 0, state: "ok" });
        assert.deepEqual(await withLarge(path, readKept), []);
      };
      await work({ path, application, write, go, assertWhole });
    } finally {
      application.close();
    }
  });
}

test("what goes with a large table's columns is put aside behind the change that hands them over, beside a writer", () =>
  withBench(async ({ path, go, assertWhole }) => {
    await go("downgrade");
    const [kept] = await withLarge(path, readKept);
    assert.equal(kept!.state, "kept");
    assert.ok(kept!.rows > 5 && kept!.rows < 40, "only what the upgrade does not give");
    await go("upgrade");
    await assertWhole();
    // Whole tables go and come back, too.
    const run = (direction: "upgrade" | "downgrade", text: string) =>
      withLarge(
        path,
        (database) => migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0 }),
      );
    await run("downgrade", "base");
    const found = (await withLarge(path, readKept)).map(({ kind, table, state }) =>
      `${kind} ${table} ${state}`
    );
    assert.deepEqual(found, ["columns t kept", "table t kept", "table p kept"]);
    await run("upgrade", "head");
    await assertWhole();
  }));

test("whenever it is killed, the next run goes on and every value comes back", async () => {
  const states = new Set<string>();
  let isKilled = true;
  for (let after = 40; isKilled; after += 43) {
    await withBench(async (given) => {
      isKilled = await killAfter(after, given, () => given.go("downgrade"));
      given.application.exec("UPDATE harbor_lock SET expires_at = 0");
      given.write();
      const [kept] = await withLarge(given.path, readKept);
      if (kept !== undefined) states.add(kept.state);
      const isDone =
        given.application.prepare("SELECT 1 FROM pragma_table_info('t') WHERE name = 'd'").get() ===
          undefined;
      // Whoever only gives up does not give up what has gone already.
      if (after % 2 === 0) {
        await withLarge(
          given.path,
          (database) => clearBeside(contextOf(database, history), [], { lockWaitMs: 0 }),
        );
      }
      if (!isDone) await given.go("downgrade");
      assert.equal(
        (await withLarge(given.path, readKept))[0]?.state,
        isDone && after % 2 === 1 ? kept?.state : "kept",
      );
      await given.go("upgrade");
      await given.assertWhole();
    });
  }
  assert.ok(states.has("keeping"), "some kill came while it was put aside");
});

test("what goes with columns of a large table without a key comes back, too", () =>
  withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    new DatabaseSync(path).close();
    const own = historyOf("sqlite", [
      ["CREATE TABLE t (a text, n integer)", "DROP TABLE t"],
      ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
    ]);
    const go = (direction: "upgrade" | "downgrade", text: string) =>
      withLarge(
        path,
        (database) => migrate(contextOf(database, own), { goal: { direction, text }, lockWaitMs: 0 }),
      );
    await go("upgrade", "head");
    const application = new DatabaseSync(path);
    try {
      const insert = application.prepare("INSERT INTO t VALUES (?, ?, ?)");
      for (let n = 0; n < 30; n++) insert.run(`a${n}`, n, `d${n}`);
      const before = application.prepare("SELECT * FROM t ORDER BY n").all();
      await go("downgrade", "-1");
      await go("upgrade", "head");
      assert.deepEqual(application.prepare("SELECT * FROM t ORDER BY n").all(), before);
      assert.deepEqual(await withLarge(path, readKept), []);
    } finally {
      application.close();
    }
  }));

const withGone = ", d text";
/** A copy in which a column gets another type, and another one comes or goes. */
const copied = (type: string, more: string) =>
  [
    `CREATE TABLE __new_t (id integer NOT NULL PRIMARY KEY, c ${type}, n text${more})`,
    "INSERT INTO __new_t (id, c, n) SELECT id, c, n FROM t",
    "DROP TABLE t",
    "ALTER TABLE __new_t RENAME TO t",
  ].join(breakpoint);
const retyped = [withGone, ""].map((more) =>
  historyOf("sqlite", [
    [`CREATE TABLE t (id integer NOT NULL PRIMARY KEY, c text, n text${more})`, "DROP TABLE t"],
    [copied("integer", ""), copied("text", more)],
  ])
);

/** Converts a column and back, with an application that writes behind every message; returns whether it was killed. */
function convertAndBack(
  history: History,
  { killedAfter, states }: { readonly killedAfter: number; readonly states: Set<string> },
): Promise<boolean> {
  return withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    new DatabaseSync(path).close();
    const application = new DatabaseSync(path);
    let next = 100;
    const write = () => {
      application.prepare("INSERT INTO t (id, c, n) VALUES (?, '012', 'new')").run(next++);
      // Some of what was there is written anew, and stays as it is then.
      application.exec(
        "UPDATE t SET c = '00' || id, n = 'written' WHERE id = (SELECT min(id) FROM t WHERE n = 'old')",
      );
    };
    const go = (direction: "upgrade" | "downgrade", text: string, notify = write) =>
      withLarge(
        path,
        (database) =>
          migrate({ ...contextOf(database, history), notify }, {
            goal: { direction, text },
            lockWaitMs: 0,
          }),
      );
    try {
      // The application has no table yet.
      await go("upgrade", "+1", () => {});
      const insert = application.prepare("INSERT INTO t (id, c, n) VALUES (?, ?, 'old')");
      for (let id = 1; id < 60; id++) {
        insert.run(id, id % 3 === 0 ? `00${id}` : id % 3 === 1 ? `${id}` : `a${id}`);
      }
      const hasGone = application.prepare("SELECT 1 FROM pragma_table_info('t') WHERE name = 'd'").get() !==
        undefined;
      if (hasGone) application.exec("UPDATE t SET d = 'd' || id");
      const isKilled = await killAfter(
        killedAfter,
        { path, application, write },
        async () => void await go("upgrade", "head"),
      );
      application.exec("UPDATE harbor_lock SET expires_at = 0");
      const [kept] = await withLarge(path, readKept);
      if (kept !== undefined) states.add(kept.state);
      await go("upgrade", "head");
      const [whole] = await withLarge(path, readKept);
      assert.equal(whole!.state, "kept");
      assert.equal((await withLarge(path, readKept)).length, hasGone ? 2 : 1);
      assert.ok(whole!.rows > 5, "what the copy made others of");
      await go("downgrade", "-1");
      const old = application.prepare("SELECT id, c, typeof(c) AS type FROM t WHERE n = 'old'")
        .all() as unknown as {
          id: number;
          c: string;
          type: string;
        }[];
      assert.ok(old.length > 5);
      for (const { id, c, type } of old) {
        const was = id % 3 === 0 ? `00${id}` : id % 3 === 1 ? `${id}` : `a${id}`;
        assert.deepEqual([c, type], [was, "text"]);
      }
      const gone = hasGone ? application.prepare("SELECT id, d FROM t WHERE n <> 'new'").all() : [];
      for (const { id, d } of gone) assert.equal(d, `d${id}`);
      const written = application.prepare("SELECT id, c FROM t WHERE n = 'written'").all();
      assert.ok(written.length > 5);
      for (const { id, c } of written) assert.equal(Number(c), id, "what was written since stays");
      const found = application.prepare(
        "SELECT (SELECT count(*) FROM sqlite_schema WHERE name GLOB 'harbor_[bk]e[ei]*') AS left, (SELECT * FROM pragma_integrity_check) AS state",
      ).get();
      assert.deepEqual({ ...found }, { left: 0, state: "ok" });
      return isKilled;
    } finally {
      application.close();
    }
  });
}

test("what a copy of a large table converts, and the columns that it drops, are put aside behind it, beside a writer", async () => {
  const states = new Set<string>();
  let isKilled = true;
  for (let after = 30; isKilled; after += 37) {
    isKilled = await convertAndBack(retyped[0]!, { killedAfter: after, states });
  }
  assert.ok(states.has("keeping"), "some kill came while it was put aside");
});

test("so is what a copy converts alone", async () => {
  await convertAndBack(retyped[1]!, { killedAfter: Infinity, states: new Set() });
});
