import assert from "node:assert/strict";
import { test } from "node:test";
import { obstaclesOf, type ObstacleSources } from "../../src/adopt/rules/bridge_obstacles.ts";
import type { Label } from "../../src/adopt/rules/labels.ts";
import type { OtherObject, Table } from "../../src/schema/snapshot.ts";
import { column, foreignKey, index, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

const required = column("c", { notNull: true });
const t = (...columns: readonly Table["columns"][number][]) => tableOf("t", columns);
const other = (kind: OtherObject["kind"], name: string, table: string | null = null): OtherObject => ({
  kind,
  name,
  table,
  sql: null,
});

function label(table: string, rows: readonly string[], unknown: readonly string[]): Label {
  const by = table === "alembic_version" ? "alembic" : table === "harbor_version" ? "harbor-db" : "drizzle";
  return { by, table, rows, unknown, missing: [], edited: [], revision: undefined, isTrue: false };
}

interface Case extends Partial<Omit<ObstacleSources, "live" | "target">> {
  readonly rule: string;
  readonly live: readonly Table[];
  readonly others?: readonly OtherObject[];
  readonly target: readonly Table[];
  readonly expected: readonly string[];
}

// One row a rule: what there is, what is to be, and what stands between, by path and state.
const cases: readonly Case[] = [
  { rule: "finds nothing in the same", live: [t(column("c"))], target: [t(column("c"))], expected: [] },
  { rule: "finds nothing in an empty database", live: [], target: [t(required)], expected: [] },
  {
    rule: "names a view that has a table's name",
    live: [],
    others: [other("view", "t")],
    target: [t()],
    expected: ["view t: t is a view, not a table"],
  },
  {
    rule: "lets a function, and what hangs on a table, have a table's name",
    live: [],
    others: [other("function", "t"), other("trigger", "t", "u")],
    target: [t()],
    expected: [],
  },
  {
    rule: "names another table's index of a name that is needed",
    live: [t(), { ...tableOf("u"), indexes: [index("ix")] }],
    target: [{ ...t(), indexes: [index("ix")] }],
    expected: ["index ix: the table u has the index ix, a name that t needs"],
  },
  {
    rule: "lets the table itself have the index",
    live: [{ ...t(column("c")), indexes: [index("ix")] }],
    target: [{ ...t(column("c")), indexes: [index("ix")] }],
    expected: [],
  },
  {
    rule: "names what is left of a copy",
    live: [t(), tableOf("__new_t")],
    target: [t()],
    copied: ["t"],
    expected: [
      "table __new_t: there is a table __new_t, left behind by a copy of t that was broken off, and its name is needed",
    ],
  },
  {
    rule: "lets a table of that name stay where nothing is copied",
    live: [t(), tableOf("__new_t")],
    target: [t()],
    expected: [],
  },
  {
    rule: "knows another program's table by a column that the first revision had",
    live: [t()],
    target: [t(required)],
    origins: new Map([["t", t(required)]]),
    expected: ["table t: the table t has no c: it is another program's"],
  },
  {
    rule: "asks for the values of a column that came later",
    live: [t()],
    target: [t(required)],
    origins: new Map([["t", t()]]),
    expected: ["column t.c: nothing says which c the rows of t get"],
  },
  {
    rule: "asks for nothing that has a default or may be empty",
    live: [t()],
    target: [t(column("c", { notNull: true, default: "'x'" }), column("d"))],
    expected: [],
  },
  {
    rule: "knows another program's table by its key",
    live: [{ ...t(column("c")), primaryKey: ["c"] }],
    target: [t(column("c"))],
    expected: ["table t: the table t has the key (c): it is another program's"],
  },
  {
    rule: "takes a table that lost its key for its own",
    live: [{ ...t(), primaryKey: [] }],
    target: [t()],
    expected: [],
  },
  {
    rule: "lets a table that lost its key be copied where nothing refers to it",
    live: [{ ...t(), primaryKey: [] }],
    target: [t()],
    copied: ["t"],
    expected: [],
  },
  {
    rule: "says no more of another program's table",
    live: [{ ...t(column("c", { type: "bytea" })), primaryKey: ["c"], peculiarities: ["STRICT"] }],
    target: [t(column("c", { type: "integer" }))],
    copied: ["t"],
    expected: ["table t: the table t has the key (c): it is another program's"],
  },
  {
    rule: "names a column that the application does not know and would have to fill",
    live: [t(column("more", { notNull: true }))],
    target: [t()],
    expected: [
      "column t.more: the column t.more is not known, NOT NULL and without a default, so the application cannot add rows",
    ],
  },
  {
    rule: "keeps columns that fill themselves",
    live: [
      t(
        column("a"),
        column("b", { notNull: true, default: "1" }),
        column("d", { notNull: true, identity: true }),
      ),
    ],
    target: [t()],
    expected: [],
  },
  {
    rule: "names what a copy would lose",
    live: [{ ...t(), peculiarities: ["STRICT", "AUTOINCREMENT", "COLLATE NOCASE"] }],
    target: [t()],
    copied: ["t"],
    expected: [
      "table t: the table t has to be copied into a new one, which would lose its STRICT",
      "table t: the table t has to be copied into a new one, which would lose its COLLATE NOCASE",
    ],
  },
  {
    rule: "lets a table that is not copied have what it wants",
    live: [{ ...t(column('a"b')), peculiarities: ["STRICT"] }],
    target: [t()],
    expected: [],
  },
  {
    rule: "names a column that a copy cannot name",
    live: [t(column('a"b'), column("c`d"))],
    target: [t()],
    copied: ["t"],
    expected: [
      'column t.a"b: the table t has to be copied into a new one, and the column a"b has a quote in its name',
      "column t.c`d: the table t has to be copied into a new one, and the column c`d has a quote in its name",
    ],
  },
  {
    rule: "names a lost key to which others refer, where the table is copied",
    live: [{ ...t(), primaryKey: [] }, tableOf("u", [column("t")], { foreignKeys: [foreignKey("t", "t")] })],
    target: [t()],
    copied: ["t"],
    expected: ["primary key t: the table t has lost its key, to which other tables refer"],
  },
  {
    rule: "names a type that cannot be had",
    live: [t(column("c", { type: "bytea" }))],
    target: [t(column("c", { type: "integer" }))],
    expected: ["column t.c: the column t.c is bytea, and its values cannot become integer unchanged"],
  },
  {
    rule: "names a value that an enum type has to get",
    live: [t(column("c", { type: "mood", values: ["a", "c"] }))],
    target: [t(column("c", { type: "mood", values: ["a", "b", "c"] }))],
    expected: ["type mood: the type mood lacks 'b'"],
  },
  {
    rule: "names once a value that an enum type should not have",
    live: [t(...["c", "d"].map((name) => column(name, { type: "mood", values: ["a", "it's"] })))],
    target: [t(...["c", "d"].map((name) => column(name, { type: "mood", values: ["a", "b"] })))],
    expected: ["type mood: the type mood lacks 'b', and the type mood has 'it''s', which it should not have"],
  },
  {
    rule: "names another order of an enum type's values",
    live: [t(column("c", { type: "mood", values: ["a", "b"] }))],
    target: [t(column("c", { type: "mood", values: ["b", "a"] }))],
    expected: [
      "type mood: the type mood has its values in another order ('a', 'b') than they should have ('b', 'a')",
    ],
  },
  {
    rule: "lets the values of an enum type be unknown",
    live: [t(column("c", { type: "mood", values: ["a"] }))],
    target: [t(column("c", { type: "mood" }))],
    expected: [],
  },
  {
    rule: "believes a label that it knows",
    live: [t()],
    target: [t()],
    labels: [label("alembic_version", ["a"], [])],
    expected: [],
  },
  {
    rule: "names a row of harbor-db's that nobody knows",
    live: [t()],
    target: [t()],
    labels: [label("harbor_version", ["a", "b"], ["b"])],
    expected: ["harbor_version: harbor_version says b, which this history does not know"],
  },
  {
    rule: "lets an unknown label of Alembic pass where nothing is of its making",
    live: [t()],
    target: [t()],
    labels: [label("alembic_version", ["b"], ["b"])],
    kept: ["index ix_more"],
    expected: [],
  },
  {
    rule: "names an unknown label with what may be of its making",
    live: [t()],
    target: [t()],
    labels: [label("alembic_version", ["b"], ["b"])],
    kept: ["index ix_more", "column t.more", "table u"],
    expected: [
      "alembic_version: alembic_version says b, which this history does not know, nor column t.more, table u, which may be of its making",
    ],
  },
  {
    rule: "lets another program use drizzle's migrator",
    live: [t()],
    target: [t()],
    labels: [label("__drizzle_migrations", ["a", "b"], ["a", "b"])],
    kept: ["table u"],
    expected: [],
  },
  {
    rule: "names a newer row of drizzle's migrator behind known ones",
    live: [t()],
    target: [t()],
    labels: [label("__drizzle_migrations", ["a", "b"], ["b"])],
    kept: ["table u"],
    expected: [
      "__drizzle_migrations: __drizzle_migrations has 2 rows, and this history does not know 1 of them (hash b…), nor table u, which may be of its making",
    ],
  },
];
test("obstaclesOf() names the schemas of an enum type and of its tables in what makes the type anew", () => {
  const remedyFor = (type: string) => {
    const [live, target] = [["b", "a"], ["a", "b"]].map((values) => ({
      ...snapshot("postgresql", [tableOf("shop.orders", [column("c", { type, values })])]),
      schemas: ["shop"],
    }));
    const sources = { live: live!, target: target!, origins: new Map(), labels: [], kept: [], copied: [] };
    return obstaclesOf(sources).map(({ remedy }) => remedy).join();
  };
  const steps = (type: string, old: string, schema: string) =>
    `Make the type anew, and with it what else uses it: BEGIN; ALTER TYPE ${type} RENAME TO ${old}; ` +
    `CREATE TYPE ${type} AS ENUM ('a', 'b'); ` +
    `ALTER TABLE "shop"."orders" ALTER COLUMN "c" TYPE ${type} USING "c"::text::${type}; ` +
    `DROP TYPE ${schema}${old}; COMMIT;`;
  assert.equal(remedyFor("shop.mood"), steps("shop.mood", '"mood_old"', "shop."));
  assert.equal(remedyFor('"so.so"'), steps('"so.so"', '"so.so_old"', ""));
  assert.equal(remedyFor('"my.shop"."so.""so"'), steps('"my.shop"."so.""so"', '"so.""so_old"', '"my.shop".'));
});

for (const { rule, live, others = [], target, expected, ...more } of cases) {
  test(`obstaclesOf() ${rule}`, () => {
    const found = obstaclesOf({
      live: snapshot("postgresql", live, others),
      target: snapshot("postgresql", target),
      origins: new Map(),
      labels: [],
      kept: [],
      copied: [],
      ...more,
    });
    assert.deepEqual(found.map(({ path, state }) => `${path}: ${state}`), expected);
    for (const { remedy } of found) assert.match(remedy, /\S/);
  });
}
