import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { adopt } from "../../src/adopt/adopt.ts";
import type { HarborError } from "../../src/base/errors.ts";
import { buildHistory, type History } from "../../src/history/history.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { revisionFiles } from "../../src/history/revision_name.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readKitSnapshot } from "../../src/schema/kit_snapshot.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { differencesFrom, schemasOf } from "../../src/state/read_unmanaged.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { withSchemas } from "../support/samples/schemas.ts";
import { verifyUrl } from "../support/verified.ts";

// Written by drizzle-kit 1.0.0-rc.5: `brancha` and `branchb` on two branches, `third` after both of them.
const folderOf = (dialect: string) => projectFile(`tests/support/histories/kit-1.0-branches/${dialect}`);

/** What is taken from under a schema, and what verify has to find. */
const losses = {
  sqlite: [["DROP TABLE aa", "table aa"]],
  postgresql: [
    ["DROP TABLE aa", "table aa"],
    ["DROP SEQUENCE counter", "sequence counter"],
    ["DROP POLICY own ON users", "policy own of users"],
    ["CREATE OR REPLACE VIEW v AS SELECT id, email FROM users WHERE id > 0", "view v"],
  ],
} as const;

for (const engine of engines.filter(({ name }) => ["sqlite file", "libsql", "postgres 15"].includes(name))) {
  test(`${engine.name}: drizzle-kit 1.0's snapshots say what two branches made, and all that is beside tables`, () =>
    engine.withDatabase(async (url) => {
      const history = readHistory(folderOf(engine.dialect), engine.dialect);
      await withSchemas(url, history, async (context) => {
        for (const revision of history.revisions) {
          await migrate(context, { goal: { direction: "upgrade", text: revision.id }, lockWaitMs: 0 });
          const live = await context.database.introspect();
          assert.deepEqual(differencesFrom(schemasOf(history), revision, live), [], revision.tag);
        }
      });
      for (const [statement, path] of losses[engine.dialect]) {
        await engine.query(url, statement);
        const { findings } = await verifyUrl(url, { history, checks: ["schema"] });
        const found = findings.find(({ details }) => details?.["path"] === path);
        assert.match(found?.hint ?? "", /put it into schema\.ts: npx drizzle-kit generate$/, path);
      }
    }));
}

/** What a bridge has to make again. */
const gone = {
  sqlite: [
    "DROP VIEW v",
    "DROP TABLE users",
    // Without its UNIQUE and its indexes; SQLite takes no constraint away.
    `CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT, email text NOT NULL, name text DEFAULT 'it''s',
       size integer DEFAULT 0, twice integer GENERATED ALWAYS AS (size * 2) STORED, note text, more text,
       CONSTRAINT c CHECK (size >= 0))`,
  ],
  postgresql: [
    "DROP VIEW v",
    "ALTER SEQUENCE counter INCREMENT BY 2",
    "DROP SEQUENCE shop.nums",
    "DROP POLICY own ON users",
    "CREATE POLICY own ON users USING (true)",
    "DROP INDEX users_part",
    "ALTER TABLE users DROP COLUMN lower",
    "ALTER TABLE users DROP CONSTRAINT users_email_key",
    "ALTER TABLE shop.orders DROP CONSTRAINT ob",
  ],
} as const;

/** What it does not lead away from by itself, and what does. */
const view = ["CREATE VIEW v AS SELECT 1 AS id", "the view v is another one than the history's"] as const;
const inTheWay = {
  sqlite: [[...view, 'DROP VIEW "v";']],
  postgresql: [
    [...view, 'DROP VIEW "v";'],
    [
      "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
      "the row-level security of users is disabled",
      'ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;',
    ],
  ],
} as const;

for (const engine of engines.filter(({ name }) => ["sqlite file", "libsql", "postgres 15"].includes(name))) {
  test(`${engine.name}: a bridge leads to what a snapshot of drizzle-kit 1.0 says`, () =>
    engine.withDatabase(async (url) => {
      const history = readHistory(folderOf(engine.dialect), engine.dialect);
      await withSchemas(
        url,
        history,
        (context) => migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 }),
      );
      for (const statement of [...gone[engine.dialect], "DROP TABLE harbor_version"]) {
        await engine.query(url, statement);
      }
      await engine.query(url, "INSERT INTO users (email) VALUES ('a')");
      for (const [made, state, remedy] of inTheWay[engine.dialect]) {
        await engine.query(url, made);
        await assert.rejects(
          withSchemas(url, history, (context) => adopt(context, { lockWaitMs: 0 })),
          ({ message, hintLines }: HarborError) =>
            message.includes(state) && hintLines.join().includes(remedy),
        );
        await engine.query(url, remedy);
      }
      const { action, to } = await withSchemas(url, history, (context) => adopt(context, { lockWaitMs: 0 }));
      assert.deepEqual([action, to], ["bridge", history.revisions.at(-1)!.id]);
      const { findings } = await verifyUrl(url, { history, checks: ["schema", "data"] });
      assert.deepEqual(findings.map(({ status }) => status), ["pass", "pass"], findings[0]!.message);
    }));
}

/** The history of 0.31 as `drizzle-kit up` lays it out: the same scripts in folders that are called by their times. */
function laidOutAnew(history: History, isKnown = (_: string) => true): History {
  const texts = new Map(
    history.revisions.filter(({ tag }) => isKnown(tag)).flatMap(({ tag, files, snapshot }, at) => {
      const [up, , meta] = revisionFiles(`2024010100000${at}_${tag.replace(/^\d+_/, "")}`, true);
      return [
        [up, readFileSync(`${folder31}/${files[0]}`, "utf8")],
        [meta, JSON.stringify(snapshot().json)],
      ] as const;
    }),
  );
  return buildHistory("sqlite", {
    folder: "drizzle",
    read: (path) => texts.get(path) ?? null,
    folders: () => [...texts.keys()].flatMap((path) => /^(.*)\/migration\.sql$/.exec(path)?.[1] ?? []),
  });
}

const folder31 = projectFile("tests/support/histories/kit-0.31/sqlite");

test("a database goes on when drizzle-kit 1.0 laid out anew the history that it has", () =>
  engines[0]!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const before = readHistory(folder31, "sqlite");
      const after = laidOutAnew(before);
      const head = after.revisions.at(-1)!.id;
      const go = (history: History, text: string) =>
        migrate(contextOf(database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
      await go(before, "0001");
      const { current, pending } = await readStatus(contextOf(database, after));
      assert.deepEqual([current?.revision, pending.map(({ revision }) => revision)], ["20240101000001", [
        head,
      ]]);
      assert.equal((await go(after, "head")).to, head);
      // Of a script that is another one nobody can tell.
      const other = laidOutAnew(before, (tag) => !tag.startsWith("0001"));
      await assert.rejects(go(other, "head"), { code: "missing_revision" });
    })
  ));

test("a snapshot of drizzle-kit 1.0 that changes one which is not there is named", () => {
  const { revisions } = readHistory(folderOf("postgresql"), "postgresql");
  const kept = revisions.slice(2).flatMap(({ files: [up, , meta] }) => [up, meta]);
  const history = buildHistory("postgresql", {
    folder: "drizzle",
    read: (path) => kept.includes(path) ? readFileSync(`${folderOf("postgresql")}/${path}`, "utf8") : null,
    folders: () => revisions.slice(2).map(({ tag }) => tag),
  });
  assert.throws(() => readKitSnapshot(history.revisions[0]!.snapshot()), {
    code: "bad_history",
    message: /brancha\/snapshot\.json": it changes the snapshot [\w-]+, which is not here before it/,
  });
});
