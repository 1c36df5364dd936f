import type { PostgresUrl } from "../../../src/base/url/postgres_url.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SQL } from "drizzle-orm";
import { sql } from "../../support/user_sql.ts";
import type { Sql } from "postgres";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import type { Database, WriteMode } from "../../../src/engines/database.ts";
import { openPostgres } from "../../../src/engines/postgres/driver.ts";
import type { Patience } from "../../../src/engines/postgres/write.ts";
import { openTestDatabase, testClient, withTestDatabase } from "../../support/databases.ts";
import { withFreezingProxy } from "../../support/servers/freezing_proxy.ts";
import {
  type PostgresVersion,
  sharedPostgres,
  versions,
  withClient,
  withFreshPostgres,
} from "../../support/servers/postgres_server.ts";
import { failureOf } from "../../support/harbor_error.ts";

const impatient: Patience = { lockTimeoutMs: 200, totalMs: 1_500, concurrentlyMs: 1_000 };

for (const version of versions) {
  for (const conforming of ["on", "off"]) {
    test(`postgres ${version}: values arrive as they are with standard_conforming_strings=${conforming}`, () =>
      withFreshPostgres(version, async (url) => {
        const settings = `options=-cstandard_conforming_strings%3D${conforming}`;
        await withTestDatabase(`${url}?${settings}`, async (database) => {
          const texts = ["it's", "a\\", "\\'; DROP TABLE kept; --", "$1 ? %s", "\n\t", "ü 🙂", ""];
          await database.write([
            sql`CREATE TABLE kept (n integer, note text, code varchar(5), at timestamp)`,
            ...texts.map((text, n) => sql`INSERT INTO kept VALUES (${n}, ${text}, ${n}, ${null})`),
            sql`UPDATE kept SET n = n - ${-100} WHERE note = ${""}`,
          ]);
          const rows = await database.read(
            sql`SELECT n, note, code, at FROM kept WHERE n >= ${0} ORDER BY code LIMIT ${99}`,
          );
          assert.deepEqual(
            rows,
            texts.map((note, n) => ({ n: note === "" ? n + 100 : n, note, code: String(n), at: null })),
          );
        });
      }));
  }

  test(`postgres ${version}: rows are not taken for slow where each answer comes late, so that batches stay worth their while`, () =>
    withFreshPostgres(version, (url) =>
      withFreezingProxy(Number(new URL(url).port), null, async (proxy) => {
        const late = new URL(url);
        late.port = String(proxy.port);
        await withTestDatabase(late.href, async (database) => {
          await database.write([sql`CREATE TABLE boats (id integer PRIMARY KEY)`]);
          proxy.slow(300);
          await database.write([sql`INSERT INTO boats VALUES (1)`]);
          const load = await (await database.pace("boats")).relax();
          assert.ok(load.heldMs >= 900, `${load.heldMs} ms held`);
          assert.ok(load.rowsMs! < load.heldMs / 2, `${load.rowsMs} ms for the rows`);
        });
      })));

  test(`postgres ${version}: reads that are asked for together do not mix, with each other or with a write`, () =>
    withFreshPostgres(version, (url) =>
      withTestDatabase(url, async (database) => {
        const answers = await Promise.allSettled(
          Array.from({ length: 60 }, async (_, n) => {
            if (n === 30) return await database.write([sql`CREATE TABLE made (n integer)`]);
            if (n % 3 === 0) return await database.read(sql`SELECT n FROM missing`);
            // The server is asked first what a truth value is.
            if (n % 3 === 1) return await database.read(sql`SELECT ${n}::int AS n WHERE ${true}`);
            return await database.read(sql`SELECT ${n}::int AS n`);
          }),
        );
        assert.deepEqual(
          answers.map((answer) => answer.status === "fulfilled" ? answer.value : answer.reason.code),
          answers.map((_, n) => n === 30 ? [0] : n % 3 === 0 ? "missing_table" : [{ n }]),
        );
      })));

  // A change that did not give up would keep the readers waiting until it fails, which is long after them.
  for (
    const [what, lockTimeoutMs] of [
      ["no longer than its lock timeout", 200],
      ["for moments that begin short, however long its lock timeout is", 120_000],
    ] as const
  ) {
    test(`postgres ${version}: others wait behind a blocked change ${what}`, () =>
      withTable(version, async ({ url }) => {
        const patience = { ...impatient, lockTimeoutMs, totalMs: 120_000 };
        const address = parseDatabaseUrl(url) as PostgresUrl;
        const changing = await openPostgres(address, { client: testClient, access: "write" }, patience);
        try {
          let change: Promise<unknown> | undefined;
          let isOver = false;
          await withReader(url, async () => {
            change = changing.write([sql`ALTER TABLE seen ADD COLUMN m integer`], "schema")
              .finally(() => isOver = true);
            await withClient(url, async (other) => {
              for (let round = 0; round < 10; round++) {
                await other`SELECT n FROM seen`;
                await sleep(50);
              }
            });
            assert.equal(isOver, false, "the change gave up, and the readers waited for that");
          });
          await change;
        } finally {
          await changing.close();
        }
      }));
  }

  test(`postgres ${version}: a change that stays blocked fails with busy, says by whom, and keeps nothing`, () =>
    withTable(version, async ({ impatient, url }) => {
      await withReader(url, async (reader) => {
        const [row] = await reader`SELECT pg_backend_pid() AS pid`;
        const error = await failureOf(
          impatient.write(
            [sql`CREATE TABLE half (n integer)`, sql`ALTER TABLE seen ADD COLUMN m integer`],
            "schema",
          ),
        );
        assert.equal(error.code, "busy");
        assert.match(
          error.message,
          /^Cannot run "ALTER TABLE seen ADD COLUMN m integer": in the way for \d+ s: the reader/,
        );
        assert.match(error.message, /idle in transaction/);
        assert.equal(error.details["index"], 1);
        assert.match(error.hint ?? "", new RegExp(`SELECT pg_terminate_backend\\(${row?.["pid"]}\\)`));
      });
      assert.deepEqual((await impatient.introspect()).tables.map(({ name }) => name), ["seen"]);
      // The observer, too, goes; the server takes its time to see it off.
      const countSessions = async () =>
        (await impatient.read(sql`SELECT 1 FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'harbor-db%'`)).length;
      for (const since = Date.now(); await countSessions() > 2 && Date.now() - since < 10_000;) {
        await sleep(50);
      }
      assert.equal(await countSessions(), 2);
    }));

  test(`postgres ${version}: a blocked change goes through when the way is free`, () =>
    withTable(version, async ({ impatient, url }) => {
      const reading = withReader(url, () => sleep(700));
      await sleep(100);
      assert.deepEqual(await impatient.write([sql`ALTER TABLE seen ADD COLUMN m integer`], "schema"), [0]);
      await reading;
      // The look before what runs alone reads the condition of an index, for which some versions lock its table.
      await impatient.write([sql`CREATE INDEX ix_m ON seen (m) WHERE m > 0`]);
      const changing = withClient(url, (other) =>
        other.begin(async (transaction) => {
          await transaction`LOCK TABLE seen`;
          await sleep(700);
        }));
      await sleep(100);
      assert.deepEqual(await impatient.write([sql`CREATE INDEX CONCURRENTLY ix_n ON seen (n)`], "alone"), [
        0,
      ]);
      await changing;
    }));

  test(`postgres ${version}: a statement that runs alone is not repeated when it is CONCURRENTLY`, () =>
    withTable(version, async ({ impatient, url }) => {
      await withClient(url, (writer) =>
        writer.begin(async (transaction) => {
          await transaction`INSERT INTO seen VALUES (1)`;
          const error = await failureOf(
            impatient.write([sql`CREATE INDEX CONCURRENTLY ix_seen_n ON seen (n)`], "alone"),
          );
          assert.equal(error.code, "busy");
        }));
      const [table] = (await impatient.introspect()).tables;
      assert.deepEqual(table?.indexes.map(({ name, valid }) => [name, valid]), [["ix_seen_n", false]]);
      assert.deepEqual(await impatient.read(sql`SHOW lock_timeout`), [{ lock_timeout: "0" }]);
    }));

  test(`postgres ${version}: two batches that deadlock both go through`, () =>
    withTable(version, async ({ database, url }) => {
      await database.write([sql`INSERT INTO seen VALUES (1), (2)`]);
      await withTestDatabase(url, async (second) => {
        const update = (n: number) => sql`UPDATE seen SET n = n WHERE n = ${n}`;
        await Promise.all([
          database.write([update(1), sql`SELECT pg_sleep(0.3)`, update(2)]),
          second.write([update(2), sql`SELECT pg_sleep(0.3)`, update(1)]),
        ]);
      });
    }));

  test(`postgres ${version}: what a deferred constraint finds is a dangling reference, and rolled back`, () =>
    withTable(version, async ({ database }) => {
      await database.write([
        sql`CREATE TABLE parents (id integer PRIMARY KEY)`,
        sql`CREATE TABLE children (parent integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`,
      ], "schema");
      for (const mode of ["schema", "rows"] as const) {
        await assert.rejects(database.write([sql`INSERT INTO children VALUES (1)`], mode), {
          code: "dangling_reference",
        });
      }
      assert.deepEqual(await database.read(sql`SELECT * FROM children`), []);
    }));

  const refused: readonly [string, SQL, WriteMode][] = [
    ["two statements in one text", sql`INSERT INTO seen VALUES (2); INSERT INTO seen VALUES (3)`, "rows"],
    [
      "two statements in one text that runs alone",
      sql`INSERT INTO seen VALUES (2); DROP TABLE seen`,
      "alone",
    ],
    ["COMMIT", sql`COMMIT`, "rows"],
    ["ROLLBACK behind comments", sql.raw("/* a\n */ -- b\n rollback"), "schema"],
    ["COMMIT behind nested comments", sql.raw("; /* a /* b */ c */ COMMIT"), "rows"],
    ["BEGIN alone", sql`begin`, "alone"],
    ["no statement", sql.raw(" -- nothing\n"), "rows"],
  ];
  for (const [what, statement, mode] of refused) {
    test(`postgres ${version}: refuses ${what}, and nothing of the batch stays`, () =>
      withTable(version, async ({ database }) => {
        const error = await failureOf(database.write([sql`INSERT INTO seen VALUES (1)`, statement], mode));
        assert.equal(error.code, "statement_failed");
        assert.equal(error.details["index"], 1);
        const left = await database.read(sql`SELECT n FROM seen`);
        // What runs alone before the refused text has run; what is refused unread keeps all from running.
        assert.deepEqual(left, what.includes("runs alone") ? [{ n: 1 }] : []);
        assert.deepEqual(await database.write([sql`INSERT INTO seen VALUES (4)`]), [1]);
      }));
  }

  test(`postgres ${version}: counts the rows that each statement changed`, () =>
    withTable(version, async ({ database }) => {
      assert.deepEqual(
        await database.write([
          sql`INSERT INTO seen VALUES (1), (2), (3)`,
          sql`UPDATE seen SET n = n + 10 WHERE n > ${1}`,
          sql`CREATE TABLE other AS SELECT * FROM seen`,
          sql`SELECT * FROM seen`,
          sql`WITH gone AS (DELETE FROM seen RETURNING n) INSERT INTO other SELECT n FROM gone`,
        ]),
        [3, 2, 0, 0, 3],
      );
    }));

  test(`postgres ${version}: values come back as they were written`, () =>
    withTable(version, async ({ database }) => {
      await database.write([
        sql`CREATE TABLE kinds (big bigint, exact numeric, at timestamp, day date, zoned timestamptz, json_text json, b boolean,
          bytes bytea, list integer[], words text, real8 double precision)`,
      ], "schema");
      const row = {
        big: 9007199254740993n,
        exact: "12345678901234567890.123456789",
        at: "2024-03-31 02:30:00.123456",
        day: "0044-03-15 BC",
        zoned: "infinity",
        json_text: '{"n": 12345678901234567890}',
        b: false,
        bytes: Uint8Array.of(0, 255, 39),
        list: "{1,NULL,3}",
        words: 'it\'s "ünï"\\',
        real8: 0.1,
      };
      const values = sql.join(Object.values(row).map((value) => sql`${value}`), sql`, `);
      await database.write([sql`INSERT INTO kinds VALUES (${values})`]);
      const [read] = await database.read<typeof row>(sql`SELECT * FROM kinds`);
      assert.deepEqual({ ...read, bytes: Uint8Array.from(read?.bytes ?? []) }, row);
      assert.deepEqual(await database.read(sql`SELECT count(*) AS n FROM kinds`), [{ n: 1 }]);
    }));

  test(`postgres ${version}: calls at the same time do not mix their transactions`, () =>
    withTable(version, async ({ database }) => {
      const results = await Promise.allSettled([
        database.write([sql`INSERT INTO seen VALUES (1)`, sql`SELECT 1/0`]),
        database.read(sql`SELECT n FROM seen`),
        database.write([sql`INSERT INTO seen VALUES (2)`]),
        database.introspect(),
        database.read(sql`SELECT ${3}::integer AS n FROM nowhere`),
        database.write([sql`INSERT INTO seen VALUES (${3})`]),
      ]);
      assert.deepEqual(results.map(({ status }) => status), [
        "rejected",
        "fulfilled",
        "fulfilled",
        "fulfilled",
        "rejected",
        "fulfilled",
      ]);
      assert.deepEqual(await database.read(sql`SELECT n FROM seen ORDER BY n`), [{ n: 2 }, { n: 3 }]);
    }));

  test(`postgres ${version}: reading never writes`, () =>
    withTable(version, async ({ database }) => {
      const sly = sql`WITH new AS (INSERT INTO seen VALUES (1) RETURNING n) SELECT n FROM new`;
      await assert.rejects(database.read(sly), { code: "read_only" });
      await assert.rejects(database.read(sql`COMMIT; INSERT INTO seen VALUES (1)`), {
        code: "statement_failed",
      });
      assert.deepEqual(await database.read(sql`SELECT n FROM seen`), []);
    }));

  test(`postgres ${version}: opened for reading, it refuses to write`, () =>
    withTable(version, async ({ url }) => {
      const database = await openTestDatabase(url, "read");
      try {
        await assert.rejects(database.write([sql`INSERT INTO seen VALUES (1)`]), { code: "read_only" });
        await assert.rejects(database.withLock(() => Promise.resolve()), { code: "read_only" });
        assert.deepEqual(await database.read(sql`SELECT n FROM seen`), []);
      } finally {
        await database.close();
      }
    }));

  test(`postgres ${version}: a role without the right is told so`, () =>
    withTable(version, async ({ url }) => {
      const role = `reader_${new URL(url).pathname.slice(1)}`;
      const admin = await sharedPostgres(version);
      await withClient(admin, (client) => client.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'r'`));
      try {
        const roleUrl = new URL(url);
        roleUrl.username = role;
        roleUrl.password = "r";
        await withTestDatabase(roleUrl.href, async (database) => {
          const error = await failureOf(database.write([sql`INSERT INTO seen VALUES (1)`]));
          assert.equal(error.code, "read_only");
          assert.match(error.message, /permission denied for table seen/);
          assert.match(error.hint ?? "", /owns the tables/);
        });
      } finally {
        await withClient(admin, (client) => client.unsafe(`DROP ROLE ${role}`));
      }
    }));

  test(`postgres ${version}: a failure names the statement, its place, and no row`, () =>
    withTable(version, async ({ database }) => {
      await database.write([sql`CREATE UNIQUE INDEX ON seen (n)`, sql`INSERT INTO seen VALUES (4711)`]);
      const error = await failureOf(database.write([sql`SELECT 1`, sql`INSERT INTO seen VALUES (${4711})`]));
      assert.equal(error.code, "statement_failed");
      assert.deepEqual(error.details, {
        statement: "INSERT INTO seen VALUES ($1)",
        index: 1,
        sqlState: "23505",
        table: "seen",
        constraint: "seen_n_idx",
      });
      assert.doesNotMatch(JSON.stringify([error.message, error.hint, error.details, error.cause]), /4711/);
    }));
}

interface Opened {
  readonly database: Database;
  /** The same, with {@link impatient}. */
  readonly impatient: Database;
  readonly url: string;
}

/** A database with the empty table `seen (n integer)`. */
async function withTable(version: PostgresVersion, work: (opened: Opened) => Promise<void>): Promise<void> {
  await withFreshPostgres(version, async (url) => {
    await withClient(url, (client) => client.unsafe("CREATE TABLE seen (n integer)"));
    const options = { client: testClient, access: "write" } as const;
    const address = parseDatabaseUrl(url) as PostgresUrl;
    const database = await openPostgres(address, options);
    const hurried = await openPostgres(address, options, impatient);
    try {
      await work({ database, impatient: hurried, url });
    } finally {
      await database.close();
      await hurried.close();
    }
  });
}

/** Runs `work` while a transaction of another program has read the table `seen`. */
async function withReader(url: string, work: (reader: Sql) => Promise<unknown>): Promise<void> {
  await withClient(`${url}?application_name=the+reader`, async (reader) => {
    await reader`BEGIN`;
    await reader`SELECT * FROM seen`;
    await work(reader);
    await reader`COMMIT`;
  });
}
