import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import { loadDrizzleEngine } from "../../../src/author/project/drizzle_engine.ts";
import { lookingAt, parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import type { RunContext } from "../../../src/engines/run_context.ts";
import { buildHistory, type History, journalPath } from "../../../src/history/history.ts";
import { schemasOfHistory } from "../../../src/history/revision_schema.ts";
import { testClient } from "../databases.ts";
import { contextOf } from "./adoption.ts";

/** A schema.ts with tables, a type, a view and a sequence in schemas of their own. */
export function schemaWith(
  { score, sessions: name = "sessions" }: { readonly score: boolean; readonly sessions?: string },
): Readonly<Record<string, unknown>> {
  const auth = pg.pgSchema("auth");
  const shop = pg.pgSchema("shop");
  const mood = auth.enum("mood", ["sad", "happy"]);
  const columns = {
    id: pg.serial().primaryKey(),
    email: pg.varchar({ length: 255 }).notNull(),
    mood: mood().notNull().default("happy"),
    moods: mood().array(),
    age: pg.integer(),
  };
  const more = { ...columns, score: pg.integer().notNull().default(7) };
  const users = auth.table("users", (score ? more : columns) as typeof columns, (users) => [
    pg.uniqueIndex("ix_users_email").on(users.email),
    pg.check("age_check", sql`${users.age} > 0`),
  ]);
  const notes = pg.pgTable("notes", {
    id: pg.integer().primaryKey().generatedAlwaysAsIdentity(),
    user_id: pg.integer().notNull().references(() => users.id, { onDelete: "cascade" }),
  }, (notes) => [pg.index("ix_notes_user").on(notes.user_id)]);
  const sessions = auth.table(name, {
    token: pg.text().primaryKey(),
    user_id: pg.integer().notNull().references(() => users.id),
    note_id: pg.integer().references(() => notes.id),
  }, (sessions) => [pg.unique("u_sessions").on(sessions.user_id, sessions.note_id)]);
  const customers = shop.table(
    "users",
    { id: pg.integer().primaryKey(), name: pg.text() },
    (users) => [score ? pg.index("ix_name").on(users.name, users.id) : pg.index("ix_name").on(users.name)],
  );
  const grown = auth.view("grown").as((from) =>
    from.select({ id: users.id }).from(users).where(sql`${users.age} > 17`)
  );
  return { auth, shop, mood, users, notes, sessions, customers, grown, counter: auth.sequence("counter") };
}

/** A history as drizzle-kit writes it, of one revision for each schema, with the ways back. */
export async function historyOf(
  schemas: readonly Readonly<Record<string, unknown>>[],
): Promise<History> {
  return (await historiesOf(schemas)).at(-1)!;
}

/** The same as each release knows it, of which each brings one revision. */
export async function historiesOf(
  schemas: readonly Readonly<Record<string, unknown>>[],
): Promise<readonly History[]> {
  const kit = await loadDrizzleEngine();
  const entries = schemas.map((_, idx) => ({ idx, when: idx + 1, tag: `000${idx}_step` }));
  const files: Record<string, string> = {};
  let last = await kit.snapshot("postgresql", {});
  for (const [idx, schema] of schemas.entries()) {
    const next = await kit.snapshot("postgresql", schema);
    files[`000${idx}_step.sql`] = (await kit.difference(last, next)).join("\n--> statement-breakpoint\n");
    files[`000${idx}_step.down.sql`] = (await kit.difference(next, last)).join(
      "\n--> statement-breakpoint\n",
    );
    files[`meta/000${idx}_snapshot.json`] = JSON.stringify({ ...next, prevId: last.id });
    last = next;
  }
  return entries.map(({ idx }) => {
    const journal = JSON.stringify({ dialect: "postgresql", entries: entries.slice(0, idx + 1) });
    return buildHistory("postgresql", {
      folder: "drizzle",
      read: (path) => path === journalPath ? journal : files[path] ?? null,
    });
  });
}

/** Runs work with the verbs' context of a database and a history, with the schemas that it names. */
export async function withSchemas<T>(
  url: string,
  history: History,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const place = await lookingAt(
    parseDatabaseUrl(url),
    () => Promise.resolve({ schemas: schemasOfHistory(history) }),
  );
  const database = await openDatabase(place, { client: testClient, access: "write" });
  try {
    return await work(contextOf(database, history));
  } finally {
    await database.close();
  }
}
