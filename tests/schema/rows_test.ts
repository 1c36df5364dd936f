import type { Dialect } from "../../src/base/dialect.ts";
import { bytea, type SqliteTable, sqliteTables } from "harbor-db";
import { eq, sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import { relations } from "drizzle-orm/relations";
import { drizzle as drizzleSqlite } from "drizzle-orm/sqlite-proxy";
import assert from "node:assert/strict";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { test } from "node:test";
import postgres from "postgres";
import { normalizeDrizzleSnapshot } from "../../src/schema/drizzle_snapshot.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { formOf } from "../../src/verify/rules/value_forms.ts";
import { compile } from "../../src/engines/sqlite/connection/statement.ts";
import { columnWords } from "../support/samples/column_words.ts";
import { withFreshPostgres } from "../support/servers/postgres_server.ts";
import { tablesFor } from "../support/samples/two_revisions.ts";

// A program's rows through Drizzle: the same values on both dialects, and the same types for the compiler.

const engine = await loadDrizzleEngine();

async function statementsFor(dialect: Dialect, tables: readonly pg.PgTable[]): Promise<readonly string[]> {
  const to = await engine.snapshot(dialect, tablesFor(dialect, tables));
  return await engine.difference(await engine.snapshot(dialect, {}), to);
}

/** Runs `work` on a SQLite database in memory that has the tables. */
async function withSqlite<T>(
  tables: readonly pg.PgTable[],
  work: (file: DatabaseSync) => Promise<T>,
): Promise<T> {
  const file = new DatabaseSync(":memory:");
  try {
    for (const statement of await statementsFor("sqlite", tables)) file.exec(statement);
    return await work(file);
  } finally {
    file.close();
  }
}

const words = columnWords.filter(({ value }) => value !== undefined);

for (const [at, { what, make, value }] of words.entries()) {
  test(`SQLite keeps ${what} as a program wrote it, in the form that verify knows`, async () => {
    const t = pg.pgTable("t", { id: pg.serial().primaryKey(), c: make() });
    const twin = sqliteTables({ t }).t as never as SqliteTable<pg.PgTableWithColumns<never>>;
    await withSqlite([t], async (file) => {
      const db = drizzleSqlite(openDriver(file));
      await db.insert(twin).values([{ c: value }, {}] as never);
      const rows = await db.select().from(twin);
      assert.deepEqual(rows, [{ id: 1, c: value }, { id: 2, c: null }]);

      const snapshot = normalizeDrizzleSnapshot(await engine.snapshot("sqlite", tablesFor("sqlite", [t])));
      const column = snapshot.tables[0]!.columns.find(({ name }) => name === "c")!;
      const form = formOf("sqlite", column)!;
      const wrong = compile(
        sql`SELECT count(*) AS n FROM t WHERE c IS NOT NULL AND (${form.isWrong(sql`c`)})`,
      );
      assert.equal(file.prepare(wrong.text).get(...wrong.values as SQLInputValue[])!["n"], 0);
      // And the form tells what is no such value.
      file.exec(
        `PRAGMA ignore_check_constraints = 1; UPDATE t SET c = ${
          column.type === "BLOB" ? "'x'" : "x'ff'"
        } WHERE id = 1`,
      );
      assert.equal(file.prepare(wrong.text).get(...wrong.values as SQLInputValue[])!["n"], 1);
    });
  });

  test(`PostgreSQL keeps ${what} as a program wrote it (${at + 1})`, { concurrency: false }, async () => {
    const t = pg.pgTable("t", { id: pg.serial().primaryKey(), c: make() });
    await withFreshPostgres(15, async (url) => {
      const client = postgres(url, { max: 1, onnotice: () => {} });
      try {
        for (const statement of await statementsFor("postgresql", [t])) await client.unsafe(statement);
        const db = drizzlePostgres(client);
        await db.insert(t).values([{ c: value }, {}] as never);
        assert.deepEqual(await db.select().from(t).orderBy(t.id), [{ id: 1, c: value }, { id: 2, c: null }]);
      } finally {
        await client.end();
      }
    });
  });
}

test("a moment that another program wrote with its zone is read as that moment", async () => {
  const t = pg.pgTable("t", { id: pg.serial().primaryKey(), at: pg.timestamp({ withTimezone: true }) });
  const twin = sqliteTables({ t }).t as never as SqliteTable<pg.PgTableWithColumns<never>>;
  await withSqlite([t], async (file) => {
    for (const text of ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05.000+01:00", "2026-01-02 03:04:05"]) {
      file.prepare("INSERT INTO t (at) VALUES (?)").run(text);
    }
    const rows = await drizzleSqlite(openDriver(file)).select().from(twin);
    const at = new Date("2026-01-02T03:04:05Z");
    assert.deepEqual(rows, [1, 2, 3].map((id) => ({ id, at })));
  });
});

const users = pg.pgTable("users", {
  id: pg.serial().primaryKey(),
  email: pg.varchar({ length: 255 }).notNull().unique(),
  created_at: pg.timestamp().notNull().defaultNow(),
  settings: pg.jsonb().$type<{ readonly theme: "dark" | "light" }>().notNull().default({ theme: "dark" }),
  tag: pg.text().generatedAlwaysAs(sql`lower("email")`),
  made_by: pg.text().notNull().$default(() => "program"),
  kind: pg.text({ enum: ["guest", "owner"] }),
  key: bytea(),
});
const files = pg.pgTable("files", {
  id: pg.bigint({ mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
  user_id: pg.integer().notNull().references(() => users.id),
  size: pg.bigint({ mode: "bigint" }).notNull(),
});
const usersRelations = relations(users, ({ many }) => ({ files: many(files) }));
const filesRelations = relations(files, ({ one }) => ({
  user: one(users, { fields: [files.user_id], references: [users.id] }),
}));
const schema = { users, files, usersRelations, filesRelations };
const twins = sqliteTables(schema);

/** Is true for two types that are the same to the compiler. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
type Simple<T> = { readonly [Key in keyof T]: T[Key] };

test("rows have the same types on both dialects", () => {
  // The compiler is the judge; these lines do not compile otherwise.
  const same: readonly true[] = [
    true satisfies Same<Simple<typeof twins.users.$inferSelect>, Simple<typeof users.$inferSelect>>,
    true satisfies Same<Simple<typeof twins.users.$inferInsert>, Simple<typeof users.$inferInsert>>,
    true satisfies Same<Simple<typeof twins.files.$inferSelect>, Simple<typeof files.$inferSelect>>,
    true satisfies Same<Simple<typeof twins.files.$inferInsert>, Simple<typeof files.$inferInsert>>,
    true satisfies Same<keyof typeof twins, keyof typeof schema>,
  ];
  assert.equal(same.length, 5);
  // @ts-expect-error a table has no such column
  assert.equal(twins.users.nothing, undefined);
});

test("a program reads and writes SQLite through the tables that are derived, relations included", () =>
  withSqlite([users, files], async (file) => {
    const db = drizzleSqlite(openDriver(file), { schema: twins });
    await db.insert(twins.users).values({ email: "A@x", kind: "guest", key: new Uint8Array([1, 2]) });
    await db.insert(twins.files).values({ user_id: 1, size: 2n ** 53n + 1n });
    const [user] = await db.select().from(twins.users).where(eq(twins.users.email, "A@x"));
    const { created_at, ...rest } = user!;
    assert.ok(Math.abs(created_at.getTime() - Date.now()) < 60_000, String(created_at));
    assert.deepEqual(rest, {
      id: 1,
      email: "A@x",
      settings: { theme: "dark" },
      tag: "a@x",
      made_by: "program",
      kind: "guest",
      key: new Uint8Array([1, 2]),
    });
    await db.update(twins.users).set({
      settings: { theme: "light" },
      created_at: new Date("2026-01-02T03:04:05.678Z"),
    });
    const found = await db.query.users.findFirst({ with: { files: true } });
    assert.deepEqual(found!.settings.theme, "light");
    assert.deepEqual(found!.created_at, new Date("2026-01-02T03:04:05.678Z"));
    assert.deepEqual(found!.files.map((each) => each.user_id), [1]);
    assert.deepEqual(await db.select({ size: twins.files.size }).from(twins.files), [{
      size: 2n ** 53n + 1n,
    }]);
    const owner = await db.query.files.findFirst({
      columns: { user_id: true },
      with: { user: { columns: { email: true } } },
    });
    assert.deepEqual(owner, { user_id: 1, user: { email: "A@x" } });
  }));

function openDriver(file: DatabaseSync): Parameters<typeof drizzleSqlite>[0] {
  return (text, values, method) => {
    const statement = file.prepare(text);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    const rows = statement.all(...values as SQLInputValue[]) as unknown as unknown[][];
    // As most drivers do: a bigint only where a number has no room for it.
    const plain = rows.map((row) =>
      row.map((value) =>
        typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value
      )
    );
    return Promise.resolve({ rows: method === "get" ? plain[0]! : plain });
  };
}
