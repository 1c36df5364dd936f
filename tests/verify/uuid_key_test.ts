import { sql } from "../support/user_sql.ts";
import * as pg from "drizzle-orm/pg-core";
import assert from "node:assert/strict";
import { test } from "node:test";
import { migrate } from "../../src/migrate/migrate.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { verifyUrl } from "../support/verified.ts";
import { generateTwo } from "../support/samples/two_revisions.ts";

// PostgreSQL has no max() of a uuid.

const boats = (columns: Readonly<Record<string, pg.PgColumnBuilderBase>>) =>
  pg.pgTable("boats", { id: pg.uuid().primaryKey().defaultRandom(), name: pg.text().notNull(), ...columns });

const rowCount = 3_000;
const series = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rowCount})`;

for (const engine of engines) {
  test(`${engine.name}: a table whose key is a UUID is filled in batches`, async () => {
    const { history, second } = await generateTwo([boats({})], [boats({ kind: pg.text().notNull() })], {
      fills: ["boats.kind=upper(name)"],
    });
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = { ...contextOf(database), history: history(engine.dialect) };
        const upgrade = (target: string) =>
          migrate(context, { goal: { direction: "upgrade", text: target }, lockWaitMs: 0 });
        await upgrade("+1");
        const insert = `INSERT INTO boats (name) SELECT 'boat ' || i FROM n`;
        await engine.queryUnchecked(url, `${series} ${insert}`);
        assert.equal((await upgrade("head")).to, second.id);
        const [row] = await database.read<{ n: unknown }>(
          sql`SELECT count(*) AS n FROM boats WHERE kind = upper(name)`,
        );
        assert.equal(Number(row!.n), rowCount);
        const { findings } = await verifyUrl(url, { history: history(engine.dialect), checks: ["data"] });
        assert.deepEqual(findings.map(({ status, message }) => [status, message.replace("\u00a0", "")]), [
          ["pass", `${rowCount} rows of boats`],
        ]);
      })
    );
  });
}

test("sqlite file: texts are looked at to the last where a key is called as the query calls them", async () => {
  const named = (columns: Readonly<Record<string, pg.PgColumnBuilderBase>>) =>
    pg.pgTable("boats", { name: pg.text().notNull(), texts: pg.text().primaryKey(), ...columns });
  const { history } = await generateTwo([named({})], [named({ kind: pg.text() })]);
  const engine = engines.find(({ name }) => name === "sqlite file")!;
  await engine.withDatabase(async (url) => {
    await withTestDatabase(
      url,
      (database) =>
        migrate({ ...contextOf(database), history: history(engine.dialect) }, {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        }),
    );
    // The names in the other order than the keys.
    const rows = "WITH RECURSIVE n (i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 16000)";
    await engine.queryUnchecked(
      url,
      `${rows} INSERT INTO boats (name, texts) SELECT 90000 - i, 'k' || i FROM n`,
    );
    await engine.queryUnchecked(url, "UPDATE boats SET name = CAST(x'4BC3' AS TEXT) WHERE texts = 'k12100'");
    const { findings } = await verifyUrl(url, { history: history(engine.dialect), checks: ["data"] });
    assert.deepEqual(findings.map(({ status, details }) => [status, details["rule"], details["ids"]]), [
      ["fail", "not_utf8", ["k12100"]],
    ]);
  });
});
