import assert from "node:assert/strict";
import { test } from "node:test";
import { readBeside } from "../../../src/engines/beside_progress.ts";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import type { Database } from "../../../src/engines/database.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import { readKept } from "../../../src/engines/kept_table.ts";
import { clearBeside } from "../../../src/migrate/clear_beside.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { engines, testClient } from "../../support/databases.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const breakpoint = ";--> statement-breakpoint\n";
const history = historyOf("postgresql", [
  ["CREATE TABLE p (id integer NOT NULL PRIMARY KEY)", "DROP TABLE p"],
  [
    `CREATE TYPE kind AS ENUM ('a', 'b')${breakpoint}CREATE TABLE t (k kind NOT NULL, id integer NOT NULL, c text, p integer REFERENCES p (id), PRIMARY KEY (k, id))`,
    `DROP TABLE t${breakpoint}DROP TYPE kind`,
  ],
  [
    ["ALTER TABLE t ADD COLUMN d text DEFAULT 'x'", "ALTER TABLE t ADD COLUMN e json"].join(breakpoint),
    ["ALTER TABLE t DROP COLUMN d", "ALTER TABLE t DROP COLUMN e"].join(breakpoint),
  ],
]);

interface Bench {
  /** Goes there, with a little written before every batch, and ends before one of them where that is said. */
  go(text: string, endBefore?: number): Promise<void>;
  write(): Promise<void>;
  look<T>(work: (database: Database) => Promise<T>): Promise<T>;
  /** Every row has what the application wrote last, and nothing is left of the way. */
  assertWhole(): Promise<void>;
}

class Killed extends Error {}

async function withBench(
  { engine, url }: Pick<Given, "engine" | "url">,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const run = (text: string) => engine.query(url, text);
  const wanted = new Map<number, string | null>();
  let next = 0;
  const look: Bench["look"] = async (work) => {
    const options = { client: testClient, access: "write", largeRows: 1 } as const;
    const database = await openDatabase(parseDatabaseUrl(url), options);
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };
  const write = async () => {
    const [there] = await run(
      "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('t') AND attname = 'd') AS d, to_regclass('t') IS NOT NULL AS t",
    );
    if (there!["t"] !== true) return;
    const id = ++next;
    const gone = `DELETE FROM t WHERE id IN (${id - 7}, ${7 - id})`;
    if (there!["d"] === true) {
      await run(
        [
          `INSERT INTO t (k, id, c, p, d, e) VALUES ('b', ${id}, 'c', (SELECT min(id) FROM p), 'd${id}', '{"a": ${id}}')`,
          `UPDATE t SET d = 'new' WHERE id = ${id - 3}`,
          `UPDATE t SET d = 'x', e = NULL WHERE id = ${id - 4}`,
          // Its key is another one then.
          `UPDATE t SET id = -id, k = 'a' WHERE id = ${id - 5}`,
          gone,
        ].join("; "),
      );
      wanted.set(id, `d${id}`);
      if (wanted.has(id - 3)) wanted.set(id - 3, "new");
      if (wanted.has(id - 4)) wanted.set(id - 4, "x");
      if (wanted.has(id - 5)) wanted.set(5 - id, wanted.get(id - 5)!);
      wanted.delete(id - 5);
    } else {
      await run(
        `INSERT INTO t (k, id, c, p) VALUES ('a', ${id}, 'c', (SELECT min(id) FROM p)); ${gone}`,
      );
      wanted.set(id, "x");
    }
    wanted.delete(id - 7);
    wanted.delete(7 - id);
  };
  const go: Bench["go"] = (text, endBefore = Infinity) =>
    look(async (database) => {
      let batches = 0;
      const busy: Database = {
        ...database,
        write: async (batch, mode) => {
          if (++batches > endBefore) throw new Killed();
          await write();
          return await database.write(batch, mode);
        },
      };
      const direction = text === "head" ? "upgrade" : "downgrade";
      await migrate(contextOf(busy, history), { goal: { direction, text }, lockWaitMs: 0 });
    }).catch((error) => {
      if (!(error instanceof Killed)) throw error;
    });
  await go("head");
  await run("INSERT INTO p VALUES (1)");
  for (let count = 0; count < 10; count++) await write();
  await run("INSERT INTO t (k, id, c) SELECT 'a', n, 'c' FROM generate_series(1000, 1029) AS n");
  for (let id = 1_000; id < 1_030; id++) wanted.set(id, "x");
  const assertWhole = async () => {
    const rows = await run("SELECT id, d FROM t ORDER BY id");
    assert.deepEqual(
      new Map(rows.map((row) => [row["id"], row["d"]])),
      new Map([...wanted].toSorted(([a], [b]) => a - b)),
    );
    const left = await run(
      "SELECT relname::text AS name FROM pg_class WHERE relname ~ '^harbor_(a|b[^a]|k)' UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION SELECT proname FROM pg_proc WHERE proname LIKE 'harbor%'",
    );
    assert.deepEqual(left, []);
  };
  await work({ go, write, look, assertWhole });
}

onEngines(
  ["postgres 15"],
  "what goes with a large table's columns is put aside before the transaction in which they go, beside a writer",
  (given) =>
    withBench(given, async ({ go, look, assertWhole }) => {
      await go("-1");
      const [kept, ...others] = await look(readKept);
      assert.deepEqual(others, []);
      assert.equal(kept!.state, "kept");
      assert.ok(kept!.rows > 2 && kept!.rows < 20, "only what the upgrade does not give");
      assert.ok(kept!.bytes > 0);
      await go("head");
      await assertWhole();
      // Whole tables go and come back, too, with a type that goes behind them.
      const inPeace = (direction: "upgrade" | "downgrade", text: string) =>
        look((database) =>
          migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0 })
        );
      await inPeace("downgrade", "base");
      const found = (await look(readKept)).map(({ kind, table, state }) => `${kind} ${table} ${state}`);
      assert.deepEqual(found, ["columns t kept", "table t kept", "table p kept"]);
      await inPeace("upgrade", "head");
      await assertWhole();
    }),
);

onEngines(["postgres 15"], "wherever it ends, the next run goes on or takes it away", async (given) => {
  const seen = new Set<string>();
  await withBench(given, async ({ go, write, look, assertWhole }) => {
    let isEnded = true;
    for (let endBefore = 1; isEnded; endBefore++) {
      await go("-1", endBefore);
      await write();
      const [change] = await look(readBeside);
      const [kept] = await look(readKept);
      seen.add(change?.phase ?? kept?.state ?? "");
      isEnded = change !== undefined || kept?.state !== "kept";
      if (change !== undefined && endBefore % 2 === 0) {
        // A person who gives it up, and the application, which goes on.
        await look((database) => clearBeside(contextOf(database, history), [], { lockWaitMs: 0 }));
        assert.deepEqual(await look(readBeside), []);
        await write();
      }
      if (kept === undefined) await go("-1");
      await go("head");
      await assertWhole();
    }
  });
  assert.deepEqual([...seen].toSorted(), ["fill", "follow", "keeping", "kept"]);
});

onEngines(
  ["postgres 15"],
  "rows that all went at once are not put aside",
  (given) =>
    withBench(given, async ({ go, look }) => {
      const run = (text: string) => given.engine.query(given.url, text);
      await go("-1", 1);
      assert.equal((await look(readBeside))[0]?.phase, "fill");
      await run("TRUNCATE t");
      await run("INSERT INTO t (k, id, d) VALUES ('a', 1, 'after'), ('a', 2, 'x')");
      await look((database) =>
        migrate(contextOf(database, history), { goal: { direction: "downgrade", text: "-1" }, lockWaitMs: 0 })
      );
      assert.deepEqual((await look(readKept)).map(({ rows }) => rows), [1]);
      await go("head");
      const rows = await run("SELECT id, d FROM t WHERE id IN (1, 2) ORDER BY id");
      assert.deepEqual(rows.map((row) => row["d"]), ["after", "x"]);
    }),
);

test("a role that may write to the table alone goes on writing while it is put aside", () =>
  withOwnedPostgres(15, "", async ({ url, adminUrl, role: owner }) => {
    const engine = engines.find(({ name }) => name === "postgres 15")!;
    const role = `${owner}_writer`;
    await engine.query(adminUrl, `CREATE ROLE ${role}; GRANT ${role} TO ${owner}`);
    try {
      await withBench({ engine, url }, async ({ go, look }) => {
        const asWriter = (text: string) => engine.query(url, `SET ROLE ${role}; ${text}`);
        await engine.query(url, `GRANT INSERT, UPDATE, DELETE, SELECT ON t TO ${role}`);
        await go("-1", 1);
        assert.equal((await look(readBeside))[0]?.phase, "fill");
        await asWriter("INSERT INTO t (k, id, d) VALUES ('a', 777, 'his')");
        await asWriter("UPDATE t SET d = 'his' WHERE id = 1001");
        await assert.rejects(asWriter("SELECT * FROM harbor_ahead_1_noted"), /permission denied/);
        await assert.rejects(asWriter("SELECT * FROM harbor_ahead_1"), /permission denied/);
        await go("-1");
        assert.equal((await look(readKept)).length, 1);
        await go("head");
        const rows = await engine.query(url, "SELECT d FROM t WHERE id IN (777, 1001)");
        assert.deepEqual(rows.map((row) => row["d"]), ["his", "his"]);
      });
    } finally {
      await engine.query(adminUrl, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  }));
