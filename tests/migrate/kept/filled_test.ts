import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import { readBeside } from "../../../src/engines/beside_progress.ts";
import { readKept } from "../../../src/engines/kept_table.ts";
import { clearBeside } from "../../../src/migrate/clear_beside.ts";
import { migrate, type MigrateOptions } from "../../../src/migrate/migrate.ts";
import { killAfter, withLarge } from "../../support/beside_writer.ts";
import { sqliteUrl, withFolder } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { runHere } from "../../support/run_here.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const breakpoint = ";--> statement-breakpoint\n";

/** A table of which nothing but a definition changes, and back. */
function historyWith(
  key: string,
  { demand = "", isBack = false }: {
    readonly demand?: string;
    /** Whether the way back fills, and not the way there. */
    readonly isBack?: boolean;
  } = {},
) {
  const table = (name: string, words: string) =>
    `CREATE TABLE ${name} (id integer${key}, d text${words}, e integer${words}, n text)`;
  const remade = (words: string, value: (column: string, made: string) => string) =>
    [
      table("__new_t", words),
      `INSERT INTO __new_t (id, d, e, n) SELECT id, ${value("d", "'none of ' || id")}, ${
        value("e", "7")
      }, n FROM t`,
      "DROP TABLE t",
      "ALTER TABLE __new_t RENAME TO t",
    ].join(breakpoint);
  const filling = remade(` NOT NULL${demand}`, (column, made) => `coalesce(${column}, ${made})`);
  const plain = remade("", (column) => column);
  return historyOf("sqlite", [
    [table("t", ""), "DROP TABLE t"],
    isBack ? [plain, filling] : [filling, plain],
  ]);
}

interface Bench {
  readonly path: string;
  readonly application: DatabaseSync;
  go(text: string, more?: Partial<MigrateOptions>, notify?: () => void): ReturnType<typeof migrate>;
  rows(): readonly Readonly<Record<string, unknown>>[];
  /** What of harbor-db's own there is beside its account. */
  left(): readonly string[];
}

function withBench(
  history: ReturnType<typeof historyWith>,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    const application = new DatabaseSync(path);
    const go: Bench["go"] = (text, more = {}, notify = () => {}) =>
      withLarge(path, (database) =>
        migrate({ ...contextOf(database, history), notify }, {
          goal: { direction: text.startsWith("-") ? "downgrade" : "upgrade", text },
          lockWaitMs: 0,
          ...more,
        }));
    const names = application.prepare.bind(application);
    try {
      await go("+1");
      application.exec(
        "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < 29) INSERT INTO t SELECT n, iif(n % 2, 'd' || n, NULL), iif(n % 3, n, NULL), 'old' FROM i",
      );
      await work({
        path,
        application,
        go,
        rows: () => names("SELECT * FROM t ORDER BY id").all().map((row) => ({ ...row })),
        left: () =>
          names("SELECT name FROM sqlite_schema WHERE name GLOB 'harbor_[bk]e*' ORDER BY name").all()
            .map((row) => String(row["name"])),
      });
    } finally {
      application.close();
    }
  });
}

const key = " PRIMARY KEY NOT NULL";

for (const [what, words] of [["", key], [" of a table without a key", ""]] as const) {
  test(`NULLs${what} that a change of a large table's definition fills come back where nobody wrote`, () =>
    withBench(historyWith(words), async ({ application, go, rows }) => {
      const before = rows();
      const { steps } = await go("head");
      assert.deepEqual(steps[0]!.kept.map(({ columns, rows }) => `${columns} ${rows}`), ["d 15", "e 10"]);
      assert.equal(rows()[0]!["d"], "none of 0");
      assert.equal(rows()[0]!["e"], 7);
      application.exec("UPDATE t SET d = 'newer' WHERE id = 2");
      await go("-1");
      assert.deepEqual(rows(), before.map((row) => row["id"] === 2 ? { ...row, d: "newer" } : row));
    }));
}

test("so do those in rows to which the application writes meanwhile, and what it leaves out then", () =>
  withBench(historyWith(key), async ({ application, go, rows }) => {
    let next = 100;
    const inserted: number[] = [];
    const { steps } = await go("head", {}, () => {
      // As an application of yesterday does, which may have both NULL; not once they may not be.
      const isOpen = application.prepare(
        "SELECT 1 FROM pragma_table_info('t') WHERE name = 'd' AND NOT \"notnull\"",
      ).get();
      if (isOpen === undefined) return;
      application.exec(
        "UPDATE t SET n = 'written' WHERE id = (SELECT max(id) FROM t WHERE n = 'old' AND d IS NULL)",
      );
      application.prepare("INSERT INTO t (id, n) VALUES (?, 'new')").run(next);
      inserted.push(next++);
      // NULL again where it was filled.
      application.exec("UPDATE t SET d = NULL WHERE id = 4");
    });
    assert.ok(inserted.length > 2);
    assert.equal(steps[0]!.kept[0]!.rows, 15 + inserted.length, "each row once");
    assert.deepEqual(rows().filter(({ d, e }) => d === null || e === null), []);
    await go("-1");
    for (const { id, d, e, n } of rows()) {
      const isNew = Number(id) >= 100;
      assert.equal(d, isNew || Number(id) % 2 === 0 ? null : `d${id}`, `${id} ${n}`);
      assert.equal(e, isNew || Number(id) % 3 === 0 ? null : id, `${id} ${n}`);
    }
  }));

test("whenever a run is killed, what it filled is part of the step, and comes back when that is undone or given up", async () => {
  const states = new Set<string>();
  for (const end of ["goes on", "is given up", "goes elsewhere", "goes on without keeping"]) {
    let isKilled = true;
    for (let after = 20; isKilled; after += 19) {
      await withBench(historyWith(key), async ({ path, application, go, rows, left }) => {
        const before = rows();
        const nulls = (of: typeof before) => of.flatMap(({ d, e }) => [d, e]).filter((each) => each === null);
        const given = { path, application, write: () => {} };
        isKilled = await killAfter(after, given, async () => void await go("head"));
        application.exec("UPDATE harbor_lock SET expires_at = 0");
        const kept = await withLarge(path, readKept);
        for (const { state } of kept) states.add(state);
        const isDone =
          application.prepare("SELECT 1 FROM pragma_table_info('t') WHERE \"notnull\" AND name = 'd'")
            .get() !==
            undefined;
        if (!isDone) application.exec("UPDATE t SET n = 'later' WHERE id = 6");
        // What the application's own write had noted is among it.
        const noted = kept.map(({ sideTable }) =>
          application.prepare(`SELECT count(*) AS size FROM ${sideTable}`).get()!["size"]
        );
        const wanted = before.map((row) => !isDone && row["id"] === 6 ? { ...row, n: "later" } : row);
        if (isDone) await go("-1");
        else if (end === "is given up") {
          await withLarge(
            path,
            (database) => clearBeside(contextOf(database, historyWith(key)), [], { lockWaitMs: 0 }),
          );
        } else if (end === "goes elsewhere") await go("+0");
        else {
          await go("head", { keep: end === "goes on" });
          assert.deepEqual(nulls(rows()), []);
          const whole = (await withLarge(path, readKept)).map(({ state, rows }) => `${state} ${rows}`);
          if (end === "goes on") assert.deepEqual(whole, ["kept 15", "kept 10"]);
          await go("-1");
        }
        if (!isDone && end === "goes on without keeping") {
          assert.equal(nulls(rows()).length, noted.reduce<number>((sum, size) => sum + Number(size), 0));
        } else assert.deepEqual(rows(), wanted, `${end} after ${after}`);
        assert.deepEqual(left(), []);
        assert.deepEqual(await withLarge(path, readBeside), []);
      });
    }
  }
  assert.ok(states.has("noting") && states.has("keeping"), [...states].join());
});

for (const [direction, on] of [["upgrade", "upgrade"], ["downgrade", "downgrade -1"]] as const) {
  const isBack = direction === "downgrade";
  test(`what a killed ${direction} notes is not dropped: the application's writes would fail`, () =>
    withBench(historyWith(key, { isBack }), async ({ path, application, go, rows }) => {
      if (isBack) await go("head");
      for (let after = 20; (await withLarge(path, readKept)).length === 0; after += 37) {
        const goal = isBack ? "-1" : "head";
        await killAfter(after, { path, application, write: () => {} }, async () => void await go(goal));
        application.exec("UPDATE harbor_lock SET expires_at = 0");
      }
      const env = { DATABASE_URL: sqliteUrl(path) };
      const { code, stderr } = await runHere(["kept", "drop", "--all", "--yes"], { env });
      assert.equal(code, 4, stderr);
      assert.match(
        stderr,
        new RegExp(`the ${direction} of 000000000002 is not done, and notes in it what it fills of t`),
      );
      assert.match(stderr, new RegExp(`Go on with that, harbor-db ${on}, or give it up`));
      application.exec("UPDATE t SET n = 'written'");
      assert.equal(rows().length, 30);
    }));
}

test("where the rows do not fit, what was filled is NULL again", () =>
  withBench(
    historyWith(key, { demand: " CHECK (length(n) < 9)" }),
    async ({ application, go, rows, left }) => {
      application.exec("UPDATE t SET n = 'far too long' WHERE id = 29");
      const before = rows();
      await rejectsWith("statement_failed", go("head"));
      assert.deepEqual(rows(), before);
      assert.deepEqual(left(), []);
      application.exec("UPDATE t SET n = 'old' WHERE id = 29");
      await go("head");
      await go("-1");
      assert.deepEqual(rows(), before.map((row) => row["id"] === 29 ? { ...row, n: "old" } : row));
    },
  ));

test("--no-keep fills without noting", () =>
  withBench(historyWith(key), async ({ path, go, rows, left }) => {
    await go("head", { keep: false });
    assert.deepEqual(left(), []);
    await go("-1");
    assert.deepEqual(rows().filter(({ d, e }) => d === null || e === null), []);
    assert.deepEqual(await withLarge(path, readKept), []);
  }));
