import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { adopt } from "../../src/adopt/adopt.ts";
import { prepareAdoption } from "../../src/adopt/prepare.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import { buildHistory, type History } from "../../src/history/history.ts";
import { compareSnapshots } from "../../src/schema/compare/snapshots.ts";
import { snapshotOf } from "../../src/history/revision_schema.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { schemaHistory } from "../support/samples/schema_history.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf as schemasHistory, schemaWith, withSchemas } from "../support/samples/schemas.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { ownTables } from "../../src/state/rules/match_revision.ts";

const kit = await loadDrizzleEngine();

/** Keys that are no numbers, of two columns, and that the engine numbers; generated columns; indexes of expressions. */
const tables: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  sqlite: {
    notes: lite.sqliteTable("notes", {
      id: lite.text().primaryKey(),
      title: lite.text().notNull(),
      folded: lite.text().generatedAlwaysAs(sql`lower(title)`, { mode: "stored" }),
      size: lite.integer().notNull().default(0),
    }, (notes) => [
      lite.uniqueIndex("notes_folded").on(sql`lower(title)`),
      lite.index("notes_size").on(notes.size, sql`"title" || 'x'`),
    ]),
    counters: lite.sqliteTable("counters", {
      id: lite.integer().primaryKey({ autoIncrement: true }),
      name: lite.text().notNull(),
    }),
    pairs: lite.sqliteTable("pairs", {
      a: lite.text().notNull(),
      b: lite.text().notNull(),
      note: lite.text().notNull(),
    }, (pairs) => [lite.primaryKey({ columns: [pairs.a, pairs.b] })]),
    keyless: lite.sqliteTable("keyless", {
      name: lite.text().notNull(),
      made: lite.integer().generatedAlwaysAs(sql`length(name) + 1`, { mode: "stored" }),
    }),
  },
  postgresql: {
    notes: pg.pgTable("notes", {
      id: pg.uuid().primaryKey(),
      title: pg.text().notNull(),
      folded: pg.text().generatedAlwaysAs(sql`lower(title)`),
      size: pg.integer().notNull().default(0),
    }, (notes) => [
      pg.uniqueIndex("notes_folded").on(sql`lower(title)`),
      pg.index("notes_size").on(notes.size.desc(), sql`(title || 'x')`),
    ]),
    counters: pg.pgTable("counters", {
      id: pg.integer().primaryKey().generatedAlwaysAsIdentity(),
      name: pg.text().notNull(),
    }),
    pairs: pg.pgTable("pairs", {
      a: pg.text().notNull(),
      b: pg.text().notNull(),
      note: pg.text().notNull(),
    }, (pairs) => [pg.primaryKey({ columns: [pairs.a, pairs.b] })]),
    keyless: pg.pgTable("keyless", {
      name: pg.text().notNull(),
      made: pg.integer().generatedAlwaysAs(sql`length(name) + 1`),
    }),
  },
};

async function historyOf(dialect: Dialect, schema = tables[dialect]): Promise<History> {
  const [empty, whole] = [await kit.snapshot(dialect, {}), await kit.snapshot(dialect, schema)];
  const tag = "00000000000a_initial";
  const files = new Map([
    ["meta/_journal.json", JSON.stringify({ dialect, entries: [{ idx: 0, when: 1, tag }] })],
    [`${tag}.sql`, (await kit.difference(empty, whole)).join("--> statement-breakpoint\n")],
    ["meta/00000000000a_snapshot.json", JSON.stringify(whole)],
  ]);
  return buildHistory(dialect, { folder: `drizzle/${dialect}`, read: (path) => files.get(path) ?? null });
}

/** What somebody made by hand: columns that may be empty, one more, and an index of another expression or none. */
const byHand: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [
    "CREATE TABLE notes (id text PRIMARY KEY NOT NULL, title text, folded text GENERATED ALWAYS AS (lower(title)) STORED, size integer DEFAULT 0 NOT NULL, extra text, twice integer GENERATED ALWAYS AS (size * 2) VIRTUAL)",
    "CREATE INDEX notes_folded ON notes (upper(title))",
    "CREATE TABLE counters (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, name text)",
    "CREATE TABLE pairs (a text NOT NULL, b text NOT NULL, note text, PRIMARY KEY (a, b))",
    "INSERT INTO notes (id, title, size, extra) VALUES ('k1', 'One', 1, 'e'), ('k2', 'Two', 2, NULL)",
    "INSERT INTO counters (name) VALUES ('a'), ('b'), ('c')",
    "DELETE FROM counters WHERE name = 'c'",
    "CREATE TABLE keyless (name text, made integer GENERATED ALWAYS AS (length(name)) STORED)",
    "INSERT INTO keyless (name) VALUES ('same'), ('same'), ('other')",
    "INSERT INTO pairs VALUES ('x', 'y', '1'), ('x', 'z', '2')",
  ],
  postgresql: [
    "CREATE TABLE notes (id uuid PRIMARY KEY, title text, folded text GENERATED ALWAYS AS (lower(title)) STORED, size integer DEFAULT 0 NOT NULL, extra text, twice integer GENERATED ALWAYS AS (size * 2) STORED)",
    "CREATE INDEX notes_folded ON notes (upper(title))",
    "CREATE TABLE counters (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text)",
    "CREATE TABLE pairs (a text, b text, note text, PRIMARY KEY (a, b))",
    "INSERT INTO notes (id, title, size, extra) VALUES (gen_random_uuid(), 'One', 1, 'e'), (gen_random_uuid(), 'Two', 2, NULL)",
    "INSERT INTO counters (name) VALUES ('a'), ('b'), ('c')",
    "DELETE FROM counters WHERE name = 'c'",
    "CREATE TABLE keyless (name text, made integer GENERATED ALWAYS AS (length(name)) STORED)",
    "INSERT INTO keyless (name) VALUES ('same'), ('same'), ('other')",
    "INSERT INTO pairs VALUES ('x', 'y', '1'), ('x', 'z', '2')",
  ],
};

for (const engine of engines) {
  test(`${engine.name}: a bridge leads tables with any key, generated columns and indexed expressions to head`, () =>
    engine.withDatabase(async (url) => {
      for (const statement of byHand[engine.dialect]) await engine.query(url, statement);
      const values = async () => [
        await engine.query(url, "SELECT id, title, folded, size, extra, twice FROM notes ORDER BY title"),
        await engine.query(url, "SELECT * FROM counters ORDER BY id"),
        await engine.query(url, "SELECT * FROM pairs ORDER BY b"),
        await engine.query(url, "SELECT name FROM keyless ORDER BY name"),
      ];
      const before = await values();
      const history = await historyOf(engine.dialect);
      await withTestDatabase(url, async (database) => {
        const adoption = await adopt(contextOf(database, history), { lockWaitMs: 0 });
        assert.equal(adoption.action, "bridge");
        const differences = compareSnapshots(snapshotOf(history.revisions[0]!), await database.introspect());
        assert.deepEqual(differences.filter(({ kind }) => kind !== "extra"), []);
      });
      assert.deepEqual(await values(), before);
      await engine.query(url, "INSERT INTO counters (name) VALUES ('d')");
      const [last] = await engine.query(url, "SELECT max(id) AS id FROM counters");
      assert.equal(Number(last!["id"]), 4);
    }));
}

// What an enum type has in a database, and what leads it to the values that head gives it.
const otherMoods = [
  ["lacks values", "'ok', 'sad'", /^ALTER TYPE/],
  ["has another order", "'sad', 'ok', 'glad', 'so-so'", /^Make the type anew/],
  ["has one more", "'glad', 'ok', 'it''s', 'so-so', 'sad'", /^See that no row has 'it''s'\. Make/],
] as const;
for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  for (const [rule, values, remedy] of otherMoods) {
    test(`${engine.name}: adopt refuses an enum type that ${rule}, and the remedy that it names works`, () =>
      engine.withDatabase(async (url) => {
        const mood = pg.pgEnum("Mood", ["glad", "ok", "so-so", "sad"]);
        const people = pg.pgTable("people", {
          id: pg.integer().primaryKey(),
          mood: mood().notNull().default("ok"),
          name: pg.text(),
        });
        const history = await historyOf("postgresql", { mood, people });
        await engine.query(url, `CREATE TYPE "Mood" AS ENUM (${values})`);
        await engine.query(
          url,
          `CREATE TABLE people (id integer PRIMARY KEY, mood "Mood" NOT NULL DEFAULT 'ok')`,
        );
        await engine.query(url, "INSERT INTO people (id) VALUES (1)");
        await withTestDatabase(url, async (database) => {
          const run = () => adopt(contextOf(database, history), { lockWaitMs: 0 });
          const error = await rejectsWith("unmanaged", run());
          assert.match(error.message, /the type "Mood" (?:has|lacks)/);
          const hint = String(error.hint);
          assert.match(hint, remedy);
          for (const statement of hint.slice(hint.search(/BEGIN;|ALTER TYPE/)).split(/(?<=;) /)) {
            await engine.query(url, statement.replace(/^(?:BEGIN|COMMIT);$/, "SELECT 1"));
          }
          assert.equal((await run()).action, "bridge");
        });
        assert.deepEqual(
          (await engine.query(url, "SELECT id, mood, name FROM people")).map((row) => ({ ...row })),
          [
            { id: 1, mood: "ok", name: null },
          ],
        );
      }));
  }
}

/** What rows tell themselves apart by, which a revision has and somebody's tables lack. */
const apart: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  sqlite: {
    members: lite.sqliteTable("members", {
      a: lite.text().notNull(),
      b: lite.text().notNull(),
      mail: lite.text(),
    }, (members) => [lite.primaryKey({ columns: [members.a, members.b] }), lite.unique().on(members.mail)]),
  },
  postgresql: {
    members: pg.pgTable("members", {
      a: pg.text().notNull(),
      b: pg.text().notNull(),
      mail: pg.text(),
    }, (members) => [pg.primaryKey({ columns: [members.a, members.b] }), pg.unique().on(members.mail)]),
  },
};

const bare = "CREATE TABLE members (a text NOT NULL, b text NOT NULL, mail text)";

for (const engine of engines) {
  test(`${engine.name}: a bridge adds a UNIQUE constraint and a key of two columns that are missing`, () =>
    engine.withDatabase(async (url) => {
      await engine.query(url, bare);
      await engine.query(
        url,
        "INSERT INTO members VALUES ('x', 'y', 'm'), ('x', 'z', NULL), ('y', 'z', NULL)",
      );
      const history = await historyOf(engine.dialect, apart[engine.dialect]);
      await withTestDatabase(url, async (database) => {
        await adopt(contextOf(database, history), { lockWaitMs: 0 });
        assert.deepEqual(
          compareSnapshots(snapshotOf(history.revisions[0]!), await database.introspect()),
          [],
        );
      });
      const rows = await engine.query(url, "SELECT a, b, mail FROM members ORDER BY a, b");
      assert.deepEqual(rows.map((row) => [row["a"], row["b"], row["mail"]]), [
        ["x", "y", "m"],
        ["x", "z", null],
        ["y", "z", null],
      ]);
      await assert.rejects(engine.query(url, "INSERT INTO members VALUES ('x', 'y', 'n')"));
      await assert.rejects(engine.query(url, "INSERT INTO members VALUES ('z', 'z', 'm')"));
    }));

  test(`${engine.name}: a bridge names the rows that a missing UNIQUE constraint or key would refuse`, () =>
    engine.withDatabase(async (url) => {
      await engine.query(url, bare);
      await engine.query(url, "INSERT INTO members VALUES ('x', 'y', 'm'), ('x', 'y', 'n'), ('k', 'l', 'm')");
      const history = await historyOf(engine.dialect, apart[engine.dialect]);
      await withTestDatabase(url, async (database) => {
        const before = await database.introspect();
        const failed = adopt(contextOf(database, history), { lockWaitMs: 0 });
        assert.match(
          (await rejectsWith("data_conflict", failed)).message,
          /2 rows of members have the same a and b as another \(a x, x\).*2 rows of members have the same mail as another \(a k, x\)/,
        );
        assert.deepEqual(await database.introspect(), before);
      });
    }));
}

// One row a rule: what has the name of the constraint already, and what stands in the way.
const taken: readonly (readonly [rule: string, made: string, refused: RegExp | null])[] = [
  ["takes an index that is there for it", "CREATE UNIQUE INDEX members_mail_unique ON members (mail)", null],
  [
    "refuses the name of another index",
    "CREATE INDEX members_mail_unique ON members (b)",
    /the table members has the index members_mail_unique, a name that a key of members needs/,
  ],
  [
    "refuses the name of another constraint",
    "ALTER TABLE members ADD CONSTRAINT members_mail_unique UNIQUE (b, mail)",
    /the table members has the index members_mail_unique, a name that a key of members needs/,
  ],
];
const [postgres] = engines.filter(({ dialect }) => dialect === "postgresql");
for (const [rule, made, refused] of taken) {
  test(`${postgres!.name}: a bridge that adds a UNIQUE constraint ${rule}`, () =>
    postgres!.withDatabase(async (url) => {
      await postgres!.query(url, bare);
      await postgres!.query(url, made);
      const history = await historyOf("postgresql", apart.postgresql);
      await withTestDatabase(url, async (database) => {
        const adopted = () => adopt(contextOf(database, history), { lockWaitMs: 0 });
        if (refused !== null) {
          const error = await rejectsWith("unmanaged", adopted());
          assert.match(error.message, refused);
          for (const statement of error.hint!.split(": ").slice(1)) await postgres!.query(url, statement);
        }
        await adopted();
        const differences = compareSnapshots(snapshotOf(history.revisions[0]!), await database.introspect());
        assert.deepEqual(differences.filter(({ kind }) => kind !== "extra"), []);
      });
    }));
}

test(`${postgres!.name}: a bridge that adds keys to a large table and is killed goes on from there`, () =>
  postgres!.withDatabase(async (url) => {
    await postgres!.query(url, bare);
    await postgres!.query(url, "INSERT INTO members SELECT i, i, i FROM generate_series(1, 10000) i");
    const history = await historyOf("postgresql", apart.postgresql);
    let kills = 0;
    const adoptUntil = (batches: number) =>
      withTestDatabase(url, async (database) => {
        let left = batches;
        const write: typeof database.write = (batch, mode) => {
          if (left-- === 0) throw new Error("killed");
          return database.write(batch, mode);
        };
        await adopt(contextOf({ ...database, write }, history), { lockWaitMs: 0 });
        return true;
      }).catch((error) => {
        assert.match(String(error), /killed/);
        return false;
      });
    for (let batches = 0; !await adoptUntil(batches); batches++) kills++;
    assert.ok(kills > 1, `${kills} kills`);
    await withTestDatabase(url, async (database) => {
      assert.deepEqual(compareSnapshots(snapshotOf(history.revisions[0]!), await database.introspect()), []);
    });
  }));

test(`${postgres!.name}: a bridge adds a reference whose name, as the server cuts it, another one has`, () =>
  postgres!.withDatabase(async (url) => {
    const owners = pg.pgTable("owners", { id: pg.integer().primaryKey() });
    const flags = pg.pgTable("federated_graphs_to_feature_flag_schema_versions_of_owners", {
      first_owner: pg.integer().references(() => owners.id),
      first_other: pg.integer().references(() => owners.id),
    });
    const history = await historyOf("postgresql", { owners, flags });
    for (const { sql: statement } of history.revisions[0]!.upgrade().statements) {
      if (!statement.includes('KEY ("first_other")')) await postgres!.query(url, statement);
    }
    await withTestDatabase(url, async (database) => {
      assert.equal((await adopt(contextOf(database, history), { lockWaitMs: 0 })).action, "bridge");
      assert.deepEqual(compareSnapshots(snapshotOf(history.revisions[0]!), await database.introspect()), []);
    });
  }));

/** How PostgreSQL's indexes and constraints may compare values otherwise than is the rule. */
const compared = {
  words: pg.pgTable("words", {
    id: pg.integer().primaryKey(),
    name: pg.text(),
    code: pg.varchar({ length: 9 }),
    facts: pg.jsonb(),
  }, (words) => [
    pg.index("words_prefix").on(words.name.op("text_pattern_ops")),
    pg.index("words_usual").on(words.name.op("text_ops"), words.code.op("varchar_ops")),
    pg.index("words_bytes").on(
      sql`${words.name} collate "C"`,
      sql`lower(${words.code}) collate "C" desc nulls last`,
    ),
    pg.index("words_inside").on(sql`lower(${words.code} collate "C")`),
    pg.index("words_folded").on(sql`lower(${words.name}) text_pattern_ops`),
    pg.index("words_paths").using("gin", words.facts.op("jsonb_path_ops")),
    pg.index("words_keys").using("gin", words.facts.op("jsonb_ops")),
    pg.index("words_facts").using("gin", words.facts),
    pg.index("words_hash").using("hash", words.code),
    pg.unique("words_alike").on(words.name, words.code).nullsNotDistinct(),
    pg.unique("words_apart").on(words.code, words.id),
  ]),
};

test(`${postgres!.name}: how an index or a UNIQUE constraint compares is compared, and a bridge makes it anew`, () =>
  postgres!.withDatabase(async (url) => {
    const history = await historyOf("postgresql", compared);
    const expected = snapshotOf(history.revisions[0]!);
    for (const { sql: statement } of history.revisions[0]!.upgrade().statements) {
      await postgres!.query(url, statement);
    }
    const differences = () =>
      withTestDatabase(url, async (database) => compareSnapshots(expected, await database.introspect()));
    assert.deepEqual(await differences(), []);
    const changes = [
      ["words_prefix", "words (name)", "words(name text_pattern_ops)", "words(name)"],
      [
        "words_usual",
        'words (name COLLATE "C", code)',
        "words(name text_ops, code varchar_ops)",
        'words(name COLLATE "C", code)',
      ],
      [
        "words_inside",
        'words (lower(code COLLATE "C") COLLATE "C")',
        'words(lower("code" collate "C"))',
        'words(lower("code" collate "C"))',
      ],
      [
        "words_folded",
        "words (lower(name))",
        'words(lower("name") text_pattern_ops)',
        'words(lower("name"))',
      ],
      [
        "words_paths",
        "words USING gin (facts)",
        "words USING gin (facts jsonb_path_ops)",
        "words USING gin (facts)",
      ],
      ["words_hash", "words (code)", "words USING hash (code)", "words(code)"],
    ] as const;
    for (const [name, definition] of changes) {
      await postgres!.query(url, `DROP INDEX ${name}`);
      await postgres!.query(url, `CREATE INDEX ${name} ON ${definition}`);
    }
    await postgres!.query(url, "ALTER TABLE words DROP CONSTRAINT words_alike, DROP CONSTRAINT words_apart");
    await postgres!.query(url, "ALTER TABLE words ADD CONSTRAINT alike UNIQUE (name, code)");
    await postgres!.query(
      url,
      "ALTER TABLE words ADD CONSTRAINT words_apart UNIQUE NULLS NOT DISTINCT (code, id)",
    );
    assert.deepEqual(
      (await differences()).map(({ path, expected, actual }) => [path, expected, actual]),
      [
        ["unique words(name, code)", "(name, code) NULLS NOT DISTINCT", "(name, code)"],
        ["unique words(code, id)", "(code, id)", "(code, id) NULLS NOT DISTINCT"],
        ...changes.filter(([, , one, other]) => one !== other).map((
          [name, , wanted, found],
        ) => [`index ${name}`, wanted, found]).toSorted(),
      ],
    );
    await postgres!.query(url, "INSERT INTO words VALUES (1, 'a', 'A', '{}'), (2, NULL, 'B', NULL)");
    await withTestDatabase(url, (database) => adopt(contextOf(database, history), { lockWaitMs: 0 }));
    assert.deepEqual(await differences(), []);
    assert.deepEqual(await postgres!.query(url, "SELECT id FROM words ORDER BY id"), [{ id: 1 }, { id: 2 }]);
  }));

test("a database that is exactly an old revision is taken over, whatever later ones demand that their scripts fill", async () => {
  const revision = (columns: Readonly<Record<string, string>>, up: readonly string[]) => ({
    tables: { notes: { columns } },
    up,
    down: [],
  });
  const first = revision({ id: "integer!" }, ["CREATE TABLE notes (id integer NOT NULL PRIMARY KEY)"]);
  const second = revision({ id: "integer!", title: "text!" }, ["SELECT 1"]);
  const history = schemaHistory("sqlite", [first, second]);
  const [lite] = engines;
  await lite!.withDatabase(async (url) => {
    for (const statement of first.up) await lite!.query(url, statement);
    await withTestDatabase(url, async (database) => {
      const { action, to } = await adopt(contextOf(database, history), { lockWaitMs: 0 });
      assert.deepEqual([action, to], ["stamp", history.revisions[0]!.id]);
    });
  });
});

test("a table of SQLite's that is called in other letters than the history's is named as that, and its remedy works", async () => {
  const made = "CREATE TABLE Users (id integer NOT NULL PRIMARY KEY)";
  const tables = { Users: { columns: { id: "integer!" } } };
  const history = schemaHistory("sqlite", [{ tables, up: [made], down: [] }]);
  const [lite] = engines;
  await lite!.withDatabase(async (url) => {
    await lite!.query(url, made.replace("Users", "users"));
    await withTestDatabase(url, async (database) => {
      const { refusal } = await prepareAdoption(contextOf(database, history));
      assert.match(refusal!.message, /the table Users is called users/);
      const [, rename] = /Give it its name: (.*;)/.exec([refusal!.hint].flat().join("\n"))!;
      for (const statement of rename!.split("; ")) await lite!.query(url, statement);
      assert.equal((await prepareAdoption(contextOf(database, history))).action, "stamp");
    });
  });
});

test("postgres 15: a bridge leads tables in schemas of their own to head, in one transaction and in phases", async () => {
  const history = await schemasHistory([schemaWith({ score: true })]);
  const engine = engines.find(({ name }) => name === "postgres 15")!;
  for (const rows of [3, 10_001]) {
    await engine.withDatabase(async (url) => {
      await withSchemas(
        url,
        history,
        (context) => migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 }),
      );
      for (
        const statement of [
          `INSERT INTO auth.users (email, age) SELECT 'ada' || i, 36 FROM generate_series(1, ${rows}) AS i`,
          "INSERT INTO notes (user_id) SELECT id FROM auth.users; INSERT INTO shop.users VALUES (1, 'Ada')",
          "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.age := 0; RETURN new; END'",
          "CREATE TRIGGER aging BEFORE UPDATE ON shop.users FOR EACH ROW EXECUTE FUNCTION stamp()",
          "DROP TABLE harbor_version, harbor_ledger, harbor_identity, harbor_backfill",
          // As somebody else made them: without keys, indexes, a table, a type, a view; and with columns of his own.
          "DROP VIEW auth.grown; DROP TABLE auth.sessions; DROP INDEX auth.ix_users_email, shop.ix_name; DROP SEQUENCE auth.counter",
          "ALTER TABLE notes DROP CONSTRAINT notes_user_id_users_id_fk",
          "ALTER TABLE auth.users DROP COLUMN score, DROP CONSTRAINT age_check, ALTER COLUMN email DROP NOT NULL, ADD COLUMN remark text DEFAULT 'mine'",
          "ALTER TABLE auth.users ALTER COLUMN id DROP DEFAULT; DROP SEQUENCE auth.users_id_seq",
          // As a run in phases that was stopped leaves it.
          "ALTER TABLE auth.users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID",
          "CREATE TABLE auth.theirs (id integer); INSERT INTO auth.theirs VALUES (7)",
        ]
      ) await engine.query(url, statement);
      const there = "SELECT id, email, age, remark FROM auth.users ORDER BY id";
      const before = await engine.query(url, there);
      await withSchemas(url, history, async (context) => {
        const adoption = await adopt(context, { lockWaitMs: 0 });
        assert.equal(adoption.action, "bridge");
        assert.equal(adoption.phases !== null, rows > 10_000);
        assert.deepEqual(adoption.inspection.kept.filter((path) => /auth|shop/.test(path)), [
          "table auth.theirs",
          "column auth.users.remark",
          "trigger aging on shop.users",
        ]);
        const after = ownTables(
          [{ snapshot: snapshotOf(history.revisions[0]!) }],
          await context.database.introspect(),
        );
        const differences = compareSnapshots(snapshotOf(history.revisions[0]!), after);
        assert.deepEqual(differences.filter(({ kind }) => kind !== "extra"), []);
      });
      assert.deepEqual(await engine.query(url, there), before);
      await engine.query(url, "INSERT INTO auth.users (email) VALUES ('new')");
      assert.deepEqual(
        await engine.query(
          url,
          "SELECT max(id) AS id, (SELECT id FROM auth.theirs) AS theirs FROM auth.users",
        ),
        [
          { id: rows + 1, theirs: 7 },
        ],
      );
    });
  }
});
