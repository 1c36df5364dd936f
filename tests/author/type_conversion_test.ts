import assert from "node:assert/strict";
import { test } from "node:test";
import * as pg from "drizzle-orm/pg-core";
import type { Conflict } from "../../src/migrate/preflight/check_rows.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { quoteText } from "../../src/sql/quote.ts";
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
  /** What is of the first type and none of the second, before which the upgrade stops. */
  readonly unfit?: readonly (string | number)[];
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
    unfit: ["maybe", "2"],
    seen: [["yes", " FALSE", null], [1, 0, null], ["yes", " FALSE", null], [1, 0, null]],
  },
  "numbers become truth values": {
    before: pg.integer(),
    after: pg.boolean(),
    seen: [[7, 0, null], [1, 0, null], [7, 0, null], [1, 0, null]],
  },
  // PostgreSQL rounds a half to the even one of a float, and away from 0 of a numeric.
  "floats become whole numbers": {
    before: pg.doublePrecision(),
    after: pg.integer(),
    unfit: [1e300],
    seen: [[1.5, -2.5, null], [2, -2, null], [1.5, -2.5, null], [2, -2, null]],
  },
  "numerics become whole numbers": {
    before: pg.numeric(),
    after: pg.integer(),
    seen: [[2.5, -2.5, null], [3, -3, null], [2.5, -2.5, null], [3, -3, null]],
  },
  "words become moments": {
    before: pg.text(),
    after: pg.timestamp(),
    unfit: ["soon", "2024-02-31", "now", "2024-01-02T03:04:05+02:00"],
    seen: [
      ["2024-01-02T03:04:05.678Z", "2024-01-02", null],
      ["2024-01-02 03:04:05.678000", "2024-01-02 00:00:00", null],
      ["2024-01-02T03:04:05.678Z", "2024-01-02", null],
      ["2024-01-02 03:04:05.678000", "2024-01-02 00:00:00", null],
    ],
  },
  "words become UUIDs": {
    before: pg.text(),
    after: pg.uuid(),
    unfit: ["a0eebc99", "{a0eebc99-9c0b4ef8-bb6d-6bb9-bd380a11}"],
    seen: [
      ["{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", null],
      ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", null],
      ["{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", null],
      ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", null],
    ],
  },
  ...Object.fromEntries(
    Object.entries(
      {
        dates: [pg.date(), ["soon", "2024-1-2"], "2024-01-02"],
        times: [pg.time(), ["8:30", "25:00:00"], "08:30:00.123456"],
        json: [pg.jsonb(), ["nope", "'007"], '{"b": 1}'],
        numbers: [pg.integer(), ["1.5", "seven"], 7],
      } as const,
    ).map(([what, [after, unfit, value]]): [string, Walk] => {
      const first = what === "numbers" ? "007" : value;
      return [`words become ${what}`, {
        before: pg.text(),
        after,
        unfit,
        seen: [[first, null], [value, null], [first, null], [value, null]],
      }];
    }),
  ),
};
const bad = ["soon", "now", "2024-02-31", 2460000.5, "12:00"];

for (const [what, { before, after, unfit, seen: [first, ...seen] }] of Object.entries(walks)) {
  test(`${what} and come back, and what is none is named (SQLite)`, async () => {
    const revisions = await generateTwo([events(before)], [events(after)]);
    const history = revisions.history("sqlite");
    await prove(history, inMemory.scratch);
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const go = (direction: "upgrade" | "downgrade", text: string) =>
          migrate({ ...contextOf(database), history }, { goal: { direction, text }, lockWaitMs: 0 });
        const write = (values: readonly (string | number | null)[]) => {
          const rows = values.map((value) => `(${typeof value === "string" ? quoteText(value) : value})`);
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
        if (unfit !== undefined) {
          await write(unfit);
          const { details } = await rejectsWith("data_conflict", go("upgrade", "+1"));
          const [{ rows, query }] = details.conflicts as [Conflict];
          assert.equal(rows, unfit.length);
          assert.deepEqual(
            (await engine.query(url, query)).map((row) => (row as { date: unknown }).date).toSorted(),
            unfit.toSorted(),
          );
          return;
        }
        // What was no value before is none afterwards.
        if (!/moments|dates|times/.test(what)) return;
        await write(bad);
        await go("upgrade", "+1");
        assert.deepEqual((await read()).slice(first!.length), bad);
        const named = (await broken()).flatMap(({ details }) => details["ids"] as readonly number[]);
        assert.deepEqual(named.toSorted(), bad.map((_, place) => first!.length + place + 1));
      })
    );
  });
}
