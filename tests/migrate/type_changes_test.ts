import { holdersIn, leftHolders } from "../../src/migrate/preflight/rules/left_holders.ts";
import { startOf } from "../../src/migrate/rules/origins.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { changedType, heldColumns } from "../../src/migrate/preflight/rules/type_changes.ts";
import type { Column, OtherObject } from "../../src/schema/snapshot.ts";
import { column, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

function obstacles(
  dialect: Dialect,
  [from, to]: readonly [string, string],
  { others = [], more = [] }: {
    readonly others?: readonly OtherObject[];
    readonly more?: readonly Column[];
  } = {},
) {
  const found = tableOf("t", [column("c", { type: from }), ...more]);
  return changedType(
    { found, column: found.columns[1]!, to: column("c", { type: to }) },
    snapshot(dialect, [found], others),
  );
}

// One row a rule: types, and whether PostgreSQL's values can take the way unchanged.
const ways: readonly (readonly [from: string, to: string, can: boolean])[] = [
  ["text", "text", true],
  ["text", "character varying(20)", true],
  ["character varying(20)", "text", true],
  ["json", "text", true],
  ["jsonb", "character varying(9)", true],
  ["uuid", "text", true],
  ["text", "uuid", false],
  ["text", "jsonb", false],
  ["smallint", "integer", true],
  ["bigint", "integer", true],
  ["integer", "bigint", false],
  ["numeric", "integer", false],
  ["integer", "text", false],
  ["textual", "text", false],
  ["date", "timestamp without time zone", true],
  ["timestamp(3) without time zone", "timestamp without time zone", true],
  ["timestamp with time zone", "timestamp without time zone", false],
  ["boolean", "integer", false],
];
for (const [from, to, can] of ways) {
  test(`${from} ${can ? "becomes" : "does not become"} ${to} on PostgreSQL`, () => {
    assert.equal(obstacles("postgresql", [from, to]).length, can ? 0 : 1);
  });
  test(`${from} becomes ${to} on SQLite, where types are hints`, () => {
    assert.deepEqual(obstacles("sqlite", [from, to]), []);
  });
}

test("changedType() asks for the zone of times that have one", () => {
  const [obstacle] = obstacles("postgresql", ["timestamp with time zone", "timestamp without time zone"]);
  assert.match(obstacle!.remedy, /ALTER TABLE "t" ALTER COLUMN "c" TYPE .* USING "c" AT TIME ZONE 'UTC'$/);
  const [found, to] = [column("c", { type: "timestamp with time zone" }), column("c", { type: "date" })];
  const live = { ...snapshot("postgresql", []), schemas: ["shop"] };
  const [inSchema] = changedType({ found: tableOf("shop.t", [found]), column: found, to }, live);
  assert.match(inSchema!.remedy, /ALTER TABLE "shop"\."t" ALTER COLUMN "c" TYPE/);
});

test("changedType() names a column that is made of the one that changes", () => {
  const made = column("made", { default: `GENERATED ALWAYS AS (lower("c")) STORED` });
  const [obstacle] = obstacles("postgresql", ["text", "character varying(9)"], { more: [made] });
  assert.equal(obstacle?.path, "column t.made");
  assert.match(obstacle.state, /t\.made is made of c, whose type has to become character varying\(9\)/);
  const folded = column("made", { default: "GENERATED ALWAYS AS (lower(C)) STORED" });
  assert.equal(obstacles("sqlite", ["text", "character varying(9)"], { more: [folded] }).length, 1);
  const other = column("made", { default: `GENERATED ALWAYS AS (lower("cc") || 'c') STORED` });
  const plain = column("made", { default: "c()" });
  for (const more of [[other], [plain]]) {
    assert.deepEqual(obstacles("postgresql", ["text", "character varying(9)"], { more }), []);
  }
});

const view = (name: string, holds?: readonly string[]): OtherObject => ({
  kind: "view",
  name,
  table: null,
  sql: "SELECT\n  c\nFROM t",
  ...holds === undefined ? {} : { holds },
});

test("changedType() names what holds the column, with its definition on one line", () => {
  const others = [view("v", ["t.c"]), view("w", ["t.d", "u.c"]), view("x")];
  const found = obstacles("postgresql", ["text", "character varying(9)"], { others });
  assert.deepEqual(found.map(({ path }) => path), ["view v"]);
  assert.match(found[0]!.remedy, /its definition: SELECT c FROM t$/);
  assert.deepEqual(obstacles("postgresql", ["text", "text"], { others }), []);
});

test("heldColumns() names what holds columns whose types are to change, or that go", () => {
  const before = snapshot("postgresql", [tableOf("t", [column("c"), column("d"), column("gone")])]);
  const after = snapshot("postgresql", [
    tableOf("t", [column("c", { type: "integer" }), column("d")]),
    tableOf("u"),
  ]);
  const others = [view("v", ["t.c"]), view("w", ["t.d"]), view("x", ["t.gone"])];
  const live = snapshot("postgresql", before.tables, others);
  const held = (...statements: readonly string[]) =>
    heldColumns({ before, after, statements }, startOf(before), live).map(({ state }) => state);
  const byType = "the view v uses t.c, whose type has to become integer";
  assert.deepEqual(held("ALTER TABLE t DROP COLUMN gone"), [byType, "the view x uses t.gone, which goes"]);
  // The script itself takes them along.
  assert.deepEqual(held("ALTER TABLE t DROP COLUMN gone CASCADE"), [byType]);
});

test("heldColumns() passes over what goes with its own table", () => {
  const before = snapshot("postgresql", [tableOf("t", [column("c")])]);
  const on = (table: string | null, name: string): OtherObject => ({ ...view(name, ["t.c"]), table });
  const live = snapshot("postgresql", before.tables, [
    on("t", "own"),
    on(null, "v"),
    on("other", "of other"),
  ]);
  const passage = { before, after: snapshot("postgresql", []), statements: ["DROP TABLE t"] };
  assert.deepEqual(heldColumns(passage, startOf(before), live).map(({ path }) => path), [
    "view v",
    "view of other",
  ]);
});

// One row a rule: statements, what holds a column, and whether it is there behind them.
const leftBy: readonly (readonly [statements: readonly string[], holder: OtherObject, isLeft: boolean])[] = [
  [["DROP VIEW IF EXISTS v, w"], view("w", ["t.c"]), false],
  [["DROP VIEW V"], view("v", ["t.c"]), false],
  [["DROP VIEW other.v"], view("other.v", ["t.c"]), false],
  [["DROP VIEW w"], view("v", ["t.c"]), true],
  [["CREATE OR REPLACE VIEW public.v AS SELECT a, b, c FROM w"], view("v", ["t.c"]), false],
  [["CREATE OR REPLACE VIEW public.v AS SELECT a, b, c FROM w"], view("w", ["t.c"]), true],
  [["CREATE OR REPLACE VIEW a AS SELECT b FROM t"], view("b", ["t.c"]), true],
  [["CREATE OR REPLACE VIEW a (x, b) AS SELECT 1, 2"], view("b", ["t.c"]), true],
  [["CREATE OR REPLACE RECURSIVE VIEW v (n) AS SELECT 1"], view("v", ["t.c"]), false],
  [["CREATE VIEW v AS SELECT 1"], view("v", ["t.c"]), true],
  [["DROP TABLE t"], view("t", ["u.c"]), true],
  [["DROP TABLE u"], { ...view("own", ["t.c"]), table: "u" }, false],
  [["ALTER VIEW v RENAME TO w", "DROP VIEW w"], view("v", ["t.c"]), false],
  [["ALTER VIEW v RENAME TO w"], view("v", ["t.c"]), true],
  [["ALTER VIEW v RENAME COLUMN c TO w", "DROP VIEW w"], view("v", ["t.c"]), true],
  [["ALTER VIEW x RENAME TO w", "DROP VIEW w"], view("v", ["t.c"]), true],
  [["ALTER VIEW v SET SCHEMA old", "DROP VIEW old.v"], view("v", ["t.c"]), false],
  [["DO $$ BEGIN IF true THEN DROP VIEW v; END IF; END $$"], view("v", ["t.c"]), false],
  [["DO $$ BEGIN ALTER VIEW v RENAME TO w; END $$", "DROP VIEW w"], view("v", ["t.c"]), false],
  [["DO $$ BEGIN DROP VIEW w; END $$"], view("v", ["t.c"]), true],
  [["DO $$ BEGIN EXECUTE 'DROP VIEW ' || 'v'; END $$"], view("v", ["t.c"]), false],
  [["SELECT drop_views()"], view("v", ["t.c"]), false],
  [["CALL drop_views()"], view("v", ["t.c"]), false],
  [["UPDATE t SET d = lower(d)"], view("v", ["t.c"]), true],
  [["DROP OWNED BY somebody"], view("v", ["t.c"]), false],
  [["DROP TYPE mood CASCADE"], view("v", ["t.c"]), false],
  [["DROP TABLE t CASCADE"], view("v", ["t.c"]), false],
  [["DROP TABLE u CASCADE"], view("v", ["t.c"]), true],
  [["ALTER TABLE t DROP COLUMN d CASCADE"], view("v", ["t.c"]), false],
  [["ALTER TABLE t ADD FOREIGN KEY (d) REFERENCES u ON DELETE CASCADE"], view("v", ["t.c"]), true],
];
for (const [statements, holder, isLeft] of leftBy) {
  test(`leftHolders() says that ${holder.name} is ${isLeft ? "left" : "not left"} by ${statements.join("; ")}`, () => {
    assert.equal(statements.reduce(leftHolders, holdersIn([holder])).length, isLeft ? 1 : 0);
  });
}

test("leftHolders() passes over what uses something that uses what goes with CASCADE", () => {
  const over = (name: string, sql: string): OtherObject => ({ ...view(name, ["u.c"]), sql });
  const holders = holdersIn([
    over("b", "SELECT c FROM a JOIN u ON true"),
    over("a", "SELECT c FROM t JOIN u ON true"),
    over("z", "SELECT c FROM u"),
  ]);
  assert.deepEqual(leftHolders(holders, "DROP TABLE t CASCADE").map(({ object }) => object.name), ["z"]);
});
