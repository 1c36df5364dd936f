import assert from "node:assert/strict";
import { test } from "node:test";
import { completePostgresBridge, missingSchemas } from "../../src/adopt/rules/bridge_postgres.ts";
import type { BridgeSubject } from "../../src/adopt/rules/bridge_statement.ts";
import type { OtherObject, Table } from "../../src/schema/snapshot.ts";
import {
  check,
  column,
  foreignKey,
  idColumn,
  index,
  snapshot,
  tableOf,
} from "../support/samples/snapshot_parts.ts";

function bridge(
  statements: readonly string[],
  live: readonly Table[],
  { target = live, others = [], fills = [] }: {
    readonly target?: readonly Table[];
    readonly others?: readonly OtherObject[];
    readonly fills?: BridgeSubject["fills"];
  } = {},
) {
  return completePostgresBridge(statements, {
    live: snapshot("postgresql", live, others),
    target: snapshot("postgresql", target),
    fills,
  });
}

const t = tableOf("t", [column("c")]);
const trigger = (name: string, table: string, fires?: OtherObject["fires"]): OtherObject => ({
  kind: "trigger",
  name,
  table,
  sql: null,
  ...fires === undefined ? {} : { fires },
});
const update = `UPDATE "t" SET "c" = 'x' WHERE "c" IS NULL;`;
const plain = (statements: ReturnType<typeof bridge>) =>
  statements.filter(({ isGuard }) => !isGuard).map(({ sql }) => sql);

test("missingSchemas() makes those that the revision names and in which nothing is", () => {
  const live = snapshot("postgresql", [tableOf("auth.users")]);
  const target = { ...snapshot("postgresql", [tableOf("auth.users")]), schemas: ["auth", "shop"] };
  assert.deepEqual(missingSchemas({ live, target }), ['CREATE SCHEMA IF NOT EXISTS "shop"']);
});

test("completePostgresBridge() has nothing to watch in an empty database", () => {
  const statements = bridge(['CREATE TABLE "t" ("id" serial);'], [], { target: [t] });
  assert.deepEqual(statements, [{ sql: 'CREATE TABLE "t" ("id" serial)', isGuard: false }]);
});

test("completePostgresBridge() locks, looks, runs, and looks again", () => {
  const u = tableOf('u"v', []);
  const statements = bridge([update], [t, u, tableOf("unknown")], { target: [t, u] });
  assert.deepEqual(
    statements.map(({ sql, isGuard }) => `${isGuard ? "guard" : "step"} ${sql.slice(0, 36).split("\n")[0]}`),
    [
      'guard LOCK TABLE "t", "u""v" IN ACCESS EXC',
      'guard CREATE TABLE "harbor_guard" AS',
      `step UPDATE "t" SET "c" = 'x' WHERE "c" I`,
      "guard DO 'BEGIN",
      "guard DO 'BEGIN",
      'guard DROP TABLE "harbor_guard"',
    ],
  );
  assert.doesNotMatch(statements.map(({ sql }) => sql).join(), /unknown/);
});

test("completePostgresBridge() adds up every column of a table, by its key", () => {
  const keyed = { ...tableOf("it's", [column("c"), column('d"e')]), primaryKey: ["c"] };
  const guard = bridge([], [keyed])[1]!.sql;
  assert.match(guard, /SELECT 'it''s' AS name, count\(\*\) AS rows/);
  for (const name of ['"id"', '"c"', '"d""e"']) {
    assert.ok(
      guard.includes(
        `sum(coalesce(hashtextextended(${name}::text, hashtextextended(ROW("c")::text, 0)), 1))`,
      ),
      name,
    );
  }
});

test("completePostgresBridge() adds up a filled column as it will be", () => {
  const fills = [{ table: "t", column: "c", value: "'x'", existed: true }];
  assert.ok(bridge([], [t], { fills })[1]!.sql.includes(`hashtextextended(coalesce("c"::text, 'x'), `));
});

test("completePostgresBridge() leaves out a column whose new values cannot be known", () => {
  const fills = [{ table: "t", column: "c", value: "gen_random_uuid()", existed: true }];
  const { sql } = bridge([], [t], { fills })[1]!;
  assert.ok(sql.includes('"id"::text') && !sql.includes('"c"::text'), sql);
});

// One row a rule: the triggers, what they are told before the statement and after it.
const triggers: readonly (readonly [string, readonly OtherObject[], readonly string[], readonly string[]])[] =
  [
    ["leaves one of another table alone", [trigger("a", "u")], [], []],
    ["leaves one that does not fire", [trigger("a", "t", "D")], [], []],
    ["leaves one that fires on a replica only", [trigger("a", "t", "R")], [], []],
    ["gives one that always fires that back", [trigger("a", "t", "A")], [
      'ALTER TABLE "t" DISABLE TRIGGER "a"',
    ], [
      'ALTER TABLE "t" ENABLE ALWAYS TRIGGER "a"',
    ]],
    ["leaves a view alone", [{ ...trigger("a", "t"), kind: "view" }], [], []],
  ];
for (const [rule, others, before, after] of triggers) {
  test(`completePostgresBridge() ${rule}`, () => {
    assert.deepEqual(plain(bridge([update], [t], { others })), [...before, update.slice(0, -1), ...after]);
  });
}

test("completePostgresBridge() lets an ordinary trigger of a filled table rest, and fire as before", () => {
  assert.deepEqual(plain(bridge([update], [t], { others: [trigger("a", "t")] })), [
    'ALTER TABLE "t" DISABLE TRIGGER "a"',
    update.slice(0, -1),
    'ALTER TABLE "t" ENABLE TRIGGER "a"',
  ]);
});

test("completePostgresBridge() lets triggers be where nothing is filled", () => {
  const statement = 'ALTER TABLE "t" ADD COLUMN "d" text;';
  assert.deepEqual(plain(bridge([statement], [t], { others: [trigger("a", "t")] })), [
    statement.slice(0, -1),
  ]);
});

test("completePostgresBridge() drops an index that an interruption left, before it is made again", () => {
  const broken = { ...t, indexes: [index("ix", { valid: false }), index("other", { valid: false })] };
  const make = 'CREATE INDEX "ix" ON "t" ("c");';
  assert.deepEqual(plain(bridge([make], [broken], { target: [{ ...t, indexes: [index("ix")] }] })), [
    'DROP INDEX "ix"',
    make.slice(0, -1),
  ]);
});

test("completePostgresBridge() leaves an index that is whole", () => {
  const whole = { ...t, indexes: [index("ix")] };
  assert.deepEqual(plain(bridge([], [whole])), []);
});

// One row a rule: the live constraints, the revision's, and what is looked at again.
const notValid = foreignKey("c", "u", { name: "fk", valid: false });
const validations: readonly (readonly [string, Partial<Table>, Partial<Table>, readonly string[]])[] = [
  ["validates a reference", { foreignKeys: [notValid] }, { foreignKeys: [foreignKey("c", "u")] }, [
    'ALTER TABLE "t" VALIDATE CONSTRAINT "fk"',
  ]],
  ["validates a check", { checks: [check("k", "(c > 1)", false)] }, { checks: [check("x", "c > 1")] }, [
    'ALTER TABLE "t" VALIDATE CONSTRAINT "k"',
  ]],
  ["leaves what holds", { foreignKeys: [{ ...notValid, valid: true }] }, { foreignKeys: [notValid] }, []],
  ["leaves what the revision does not know", { checks: [check("k", "c > 1", false)] }, {}, []],
  ["leaves a reference that is made anew", { foreignKeys: [notValid] }, {
    foreignKeys: [foreignKey("c", "u", { onDelete: "cascade" })],
  }, []],
];
for (const [rule, live, target, expected] of validations) {
  test(`completePostgresBridge() ${rule}`, () => {
    assert.deepEqual(plain(bridge([], [{ ...t, ...live }], { target: [{ ...t, ...target }] })), expected);
  });
}

const unnumbered = (value: string | null) => ({
  ...t,
  columns: [{ ...idColumn, identity: false, default: value }, column("c")],
});

test("completePostgresBridge() gives a key that nothing numbers a sequence, from its highest number on", () => {
  assert.deepEqual(plain(bridge([], [unnumbered(null)], { target: [t] })), [
    'CREATE SEQUENCE IF NOT EXISTS "t_id_seq" AS integer',
    'ALTER SEQUENCE "t_id_seq" OWNED BY "t"."id"',
    `ALTER TABLE "t" ALTER COLUMN "id" SET DEFAULT nextval('"t_id_seq"'::regclass)`,
    `SELECT setval('"t_id_seq"'::regclass, greatest((SELECT max("id") FROM "t"), nextval('"t_id_seq"'::regclass)))`,
  ]);
});

test("completePostgresBridge() makes a borrowed sequence the column's own", () => {
  const [first, ...rest] = plain(
    bridge([], [unnumbered("nextval('shared_seq'::regclass)")], { target: [t] }),
  );
  assert.equal(first, 'ALTER SEQUENCE shared_seq OWNED BY "t"."id"');
  assert.equal(rest.length, 2);
});

test("completePostgresBridge() gives an identity its form, and makes none of a serial", () => {
  const numbered = (by?: "always" | "by default") => ({
    ...t,
    columns: [{ ...idColumn, ...by === undefined ? {} : { numbered: by } }, column("c")],
  });
  assert.deepEqual(plain(bridge([], [numbered("by default")], { target: [numbered("always")] })), [
    'ALTER TABLE "t" ALTER COLUMN "id" SET GENERATED ALWAYS',
  ]);
  assert.deepEqual(plain(bridge([], [numbered()], { target: [numbered("always")] })), []);
});

test("completePostgresBridge() leaves a key that is numbered", () => {
  assert.deepEqual(plain(bridge([], [t])), []);
});

test("completePostgresBridge() changes a key's type to a number's, which a serial is", () => {
  assert.deepEqual(plain(bridge(['ALTER TABLE "t" ALTER COLUMN "id" SET DATA TYPE serial;'], [t])), [
    'ALTER TABLE "t" ALTER COLUMN "id" SET DATA TYPE integer',
  ]);
});
