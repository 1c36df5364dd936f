import assert from "node:assert/strict";
import { test } from "node:test";
import * as pg from "drizzle-orm/pg-core";
import { migrate } from "../../src/migrate/migrate.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { inMemory, prove } from "../support/prove_engines.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { generateTwo } from "../support/samples/two_revisions.ts";
import { verifyUrl } from "../support/verified.ts";

// SQLite leaves a value as it is in a column of another type, where the application cannot read it.

const events = (date: pg.PgColumnBuilderBase) =>
  pg.pgTable("events", { id: pg.integer().primaryKey(), date });
const engine = engines.find(({ name }) => name === "sqlite file")!;

interface Walk {
  readonly before: pg.PgColumnBuilderBase;
  readonly after: pg.PgColumnBuilderBase;
  /** The values at first, after the upgrade, the downgrade, and the upgrade again. */
  readonly seen: readonly (readonly (string | number | null)[])[];
}

const walks: Readonly<Record<string, Walk>> = {
  "dates become moments": {
    before: pg.date(),
    after: pg.timestamp(),
    seen: [
      ["2024-01-02", "0001-01-01", null],
      ["2024-01-02 00:00:00", "0001-01-01 00:00:00", null],
      ["2024-01-02", "0001-01-01", null],
      ["2024-01-02 00:00:00", "0001-01-01 00:00:00", null],
    ],
  },
  "moments become dates": {
    before: pg.timestamp(),
    after: pg.date(),
    seen: [
      ["2024-01-02 03:04:05", "2024-02-29 23:59:59.999999", null],
      ["2024-01-02", "2024-02-29", null],
      ["2024-01-02 03:04:05", "2024-02-29 23:59:59.999999", null],
      ["2024-01-02", "2024-02-29", null],
    ],
  },
  "moments become times of day": {
    before: pg.timestamp(),
    after: pg.time(),
    seen: [
      ["2024-01-02 03:04:05", "2024-02-29 23:59:59.999999", null],
      ["03:04:05", "23:59:59.999999", null],
      ["2024-01-02 03:04:05", "2024-02-29 23:59:59.999999", null],
      ["03:04:05", "23:59:59.999999", null],
    ],
  },
  "times of day become moments": {
    before: pg.time(),
    after: pg.timestamp(),
    seen: [
      ["03:04:05", "23:59:59.999999", null],
      ["1970-01-01 03:04:05", "1970-01-01 23:59:59.999999", null],
      ["03:04:05", "23:59:59.999999", null],
      ["1970-01-01 03:04:05", "1970-01-01 23:59:59.999999", null],
    ],
  },
  "words become truth values": {
    before: pg.text(),
    after: pg.boolean(),
    seen: [["yes", " FALSE", null], [1, 0, null], ["yes", " FALSE", null], [1, 0, null]],
  },
};
const bad = ["soon", "now", "2024-02-31", 2460000.5, "12:00"];

for (const [what, { before, after, seen: [first, ...seen] }] of Object.entries(walks)) {
  test(`${what} and come back, and what is none stays and is named (SQLite)`, async () => {
    const revisions = await generateTwo([events(before)], [events(after)]);
    const history = revisions.history("sqlite");
    await prove(history, inMemory.scratch);
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const go = (direction: "upgrade" | "downgrade", text: string) =>
          migrate({ ...contextOf(database), history }, { goal: { direction, text }, lockWaitMs: 0 });
        const write = (values: readonly (string | number | null)[]) => {
          const rows = values.map((value) => `(${typeof value === "string" ? `'${value}'` : value})`);
          return engine.query(url, `INSERT INTO events (date) VALUES ${rows.join(", ")}`);
        };
        const read = async () =>
          (await engine.query(url, "SELECT date FROM events ORDER BY id")).map((row) =>
            Object.values(row as object)[0]
          );
        const broken = async () =>
          (await verifyUrl(url, { history, checks: ["data"] })).findings
            .filter(({ status }) => status !== "pass");
        await go("upgrade", "+1");
        await write(first!);
        for (const [place, expected] of seen.entries()) {
          await (place === 1 ? go("downgrade", "-1") : go("upgrade", "+1"));
          assert.deepEqual(await read(), expected);
          assert.deepEqual(await broken(), []);
        }
        await go("downgrade", "-1");
        await write(bad);
        await go("upgrade", "+1");
        assert.deepEqual((await read()).slice(first!.length), bad);
        assert.match(JSON.stringify(await broken()), /5 rows/);
      })
    );
  });
}
