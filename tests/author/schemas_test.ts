import assert from "node:assert/strict";
import { test } from "node:test";
import * as pg from "drizzle-orm/pg-core";
import { normalizeDrizzleSnapshot } from "../../src/schema/drizzle_snapshot.ts";
import { withTypesInUse } from "../../src/schema/types_in_use.ts";
import { draftScripts } from "../../src/author/draft_revision.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { decide } from "../../src/author/rules/change/decisions.ts";
import { parseRenames } from "../../src/author/rules/change/renames.ts";
import { buildHistory, journalPath } from "../../src/history/history.ts";
import type { PostgresUrl } from "../../src/base/url/postgres_url.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { postgresScratch } from "../../src/engines/postgres/scratch.ts";
import { testClient } from "../support/databases.ts";
import { prove } from "../support/prove_engines.ts";
import { schemaWith } from "../support/samples/schemas.ts";
import { sharedPostgres } from "../support/servers/postgres_server.ts";

test("a type that the last snapshot does not name and its columns have is there", async () => {
  const auth = pg.pgSchema("auth");
  const role = auth.enum("role", ["default", "admin"]);
  const kit = await loadDrizzleEngine();
  const users = auth.table("users", { role: role(), roles: role().array() });
  const from = await kit.snapshot("postgresql", { auth, users });
  assert.deepEqual(from.enums, {});
  const mood = pg.pgEnum("mood", ["sad"]);
  const to = await kit.snapshot("postgresql", { auth, users, role, mood });
  assert.deepEqual(Object.keys(withTypesInUse(from, to).enums ?? {}), ["auth.role"]);
  assert.equal(withTypesInUse(to, to), to);
});

test("PostgreSQL 15: what is in schemas of its own is generated with them, proven up and down, on rows", async () => {
  const kit = await loadDrizzleEngine();
  const snapshots = [
    await kit.snapshot("postgresql", {}),
    await kit.snapshot("postgresql", schemaWith({ score: false })),
    await kit.snapshot("postgresql", schemaWith({ score: true, sessions: "logins" })),
  ];
  const renames = parseRenames(["auth.sessions=auth.logins"], ["auth", "shop"]);
  const decisions = { renames, dropped: "all", fills: new Map() } as const;
  const none = { ...decisions, renames: parseRenames([]) };
  const entries = [{ idx: 0, when: 1, tag: "0000_first" }, { idx: 1, when: 2, tag: "0001_second" }];
  const files: Record<string, string> = { [journalPath]: JSON.stringify({ dialect: "postgresql", entries }) };
  for (const [at, { tag }] of entries.entries()) {
    const ends = { from: snapshots[at]!, to: snapshots[at + 1]! };
    const scripts = await draftScripts(tag, decide(ends, at === 0 ? none : decisions), kit);
    files[`${tag}.sql`] = scripts.up;
    files[`${tag}.down.sql`] = scripts.down;
    files[`meta/000${at}_snapshot.json`] = JSON.stringify({ ...ends.to, prevId: ends.from.id });
  }
  const statements = (name: string) => files[name]!.split("\n").filter((line) => !line.startsWith("-- "));
  assert.deepEqual(statements("0000_first.sql").slice(0, 3), [
    'CREATE SCHEMA IF NOT EXISTS "auth";--> statement-breakpoint',
    'CREATE SCHEMA IF NOT EXISTS "shop";--> statement-breakpoint',
    `CREATE TYPE "auth"."mood" AS ENUM('sad', 'happy');--> statement-breakpoint`,
  ]);
  assert.deepEqual(statements("0001_second.sql"), [
    'ALTER TABLE "auth"."sessions" RENAME TO "logins";--> statement-breakpoint',
    'ALTER TABLE "auth"."logins" RENAME CONSTRAINT "sessions_user_id_users_id_fk" TO "logins_user_id_users_id_fk";--> statement-breakpoint',
    'ALTER TABLE "auth"."logins" RENAME CONSTRAINT "sessions_note_id_notes_id_fk" TO "logins_note_id_notes_id_fk";--> statement-breakpoint',
    'ALTER TABLE "auth"."users" ADD COLUMN "score" integer DEFAULT 7 NOT NULL;--> statement-breakpoint',
    'CREATE INDEX "ix_name_new" ON "shop"."users" ("name","id");--> statement-breakpoint',
    'DROP INDEX "shop"."ix_name";--> statement-breakpoint',
    'ALTER INDEX "shop"."ix_name_new" RENAME TO "ix_name";',
    "",
  ]);
  const history = buildHistory("postgresql", { folder: "drizzle", read: (path) => files[path] ?? null });
  const server = parseDatabaseUrl(await sharedPostgres(15)) as PostgresUrl;
  const { empty } = await prove(history, postgresScratch(server, { client: testClient }));
  assert.deepEqual(empty, []);
});

test("a reference to a table that the host makes is in the script and the snapshot, and nothing makes or drops that table", async () => {
  const kit = await loadDrizzleEngine();
  const theirs = pg.pgSchema("auth").table("users", { id: pg.uuid().primaryKey() });
  /** Another table has the same name. */
  const users = pg.pgTable("users", { id: pg.integer().primaryKey() });
  const notes = (columns: Readonly<Record<string, pg.PgColumnBuilderBase>>) =>
    pg.pgTable("notes", { id: pg.integer().primaryKey(), ...columns });
  const owner = () => pg.uuid().references(() => theirs.id, { onDelete: "cascade" });
  const [empty, first, second] = [
    await kit.snapshot("postgresql", {}),
    await kit.snapshot("postgresql", { users, notes: notes({ owner: owner(), user: pg.integer() }) }),
    await kit.snapshot("postgresql", {
      people: pg.pgTable("people", { id: pg.integer().primaryKey() }),
      notes: notes({ owner: owner(), user: pg.integer(), second: owner() }),
    }),
  ];
  const none = { renames: parseRenames([]), dropped: "all", fills: new Map() } as const;
  const made = await draftScripts("First", decide({ from: empty, to: first }, none), kit);
  const renames = parseRenames(["users=people"]);
  const changed = await draftScripts(
    "Second",
    decide({ from: first, to: second }, { ...none, renames }),
    kit,
  );
  const lines = (text: string) =>
    text.split("\n").filter((line) => / (?:users|auth|people)|"(?:auth|users)"/.test(line));
  const reference = (column: string) =>
    `ALTER TABLE "notes" ADD CONSTRAINT "notes_${column}_users_id_fk" FOREIGN KEY ("${column}") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action`;
  assert.deepEqual(lines(made.up), [
    'CREATE TABLE "users" (',
    `${reference("owner")};`,
  ]);
  assert.doesNotMatch(made.down, /auth/);
  assert.deepEqual(lines(changed.up), [
    'ALTER TABLE "users" RENAME TO "people";--> statement-breakpoint',
    `${reference("second")} NOT VALID;--> statement-breakpoint`,
  ]);
  const { schemas, tables } = normalizeDrizzleSnapshot(first);
  assert.deepEqual(schemas, undefined);
  assert.deepEqual(tables[0]!.foreignKeys.map(({ table }) => table), ["auth.users"]);
});
