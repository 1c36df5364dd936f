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
