import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { bridgeEnds } from "../../src/adopt/rules/bridge_ends.ts";
import type { KitColumn, KitIndex, KitTable } from "../../src/schema/kit_snapshot.ts";
import type { Column, Table } from "../../src/schema/snapshot.ts";
import { kitCheck, kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";
import {
  check,
  column,
  foreignKey,
  idColumn,
  index,
  snapshot,
  tableOf,
} from "../support/samples/snapshot_parts.ts";

/** A revision's table `t` in both forms. */
interface Wanted {
  readonly kit: KitTable;
  readonly table: Table;
}

function wanted(
  columns: readonly string[],
  normal: readonly Column[],
  more: Partial<KitTable> = {},
  facts: Partial<Table> = {},
): Wanted {
  return { kit: kitTable("t", ["id integer key", ...columns], more), table: tableOf("t", normal, facts) };
}

/** Returns the two sides of `t` on the way from a live table to a revision's. */
function ends(live: Table | null, { kit, table }: Wanted, dialect: Dialect = "sqlite") {
  const found = snapshot(dialect, live === null ? [] : [live]);
  const target = { snapshot: snapshot(dialect, [table]), kit: kitSnapshot(dialect, kit) };
  const { from, to } = bridgeEnds(found, target);
  const [one] = Object.values(from.tables);
  const [other] = Object.values(to.tables);
  return { from: one, to: other! };
}

test("bridgeEnds() has nothing on the near side of a table that is missing", () => {
  const both = wanted(["c text"], [column("c")]);
  assert.deepEqual(ends(null, both), { from: undefined, to: both.kit });
});

test("bridgeEnds() leaves out tables that the revision does not know", () => {
  const { kit, table } = wanted([], []);
  const live = snapshot("sqlite", [tableOf("t"), tableOf("other")]);
  const both = bridgeEnds(live, { snapshot: snapshot("sqlite", [table]), kit: kitSnapshot("sqlite", kit) });
  assert.deepEqual([Object.keys(both.from.tables), Object.keys(both.to.tables)], [["t"], ["t"]]);
});

test("bridgeEnds() takes nothing of another kind for a sequence, type or view that is there", () => {
  const kit = {
    ...kitSnapshot("postgresql"),
    sequences: { "public.a": { name: "a", schema: "public" }, "public.b": { name: "b", schema: "public" } },
    enums: { "public.a": { name: "a", schema: "public", values: ["x"] } },
  };
  const live = snapshot("postgresql", [], [
    { kind: "function", name: "a", table: null, sql: null },
    { kind: "sequence", name: "b", table: null, sql: null },
  ]);
  const declared = ["a", "b"].map((name) =>
    ({ kind: "sequence", name, table: null, sql: null, isDeclared: true }) as const
  );
  const { from } = bridgeEnds(live, { snapshot: snapshot("postgresql", [], declared), kit });
  assert.deepEqual([from.sequences, from.enums], [{ "public.b": kit.sequences["public.b"] }, {}]);
});

test("bridgeEnds() keeps the keys that PostgreSQL's snapshot has for its tables", () => {
  const { kit, table } = wanted([], []);
  const target = { snapshot: snapshot("postgresql", [table]), kit: kitSnapshot("postgresql", kit) };
  assert.deepEqual(Object.keys(bridgeEnds(snapshot("postgresql", [tableOf("t")]), target).from.tables), [
    "public.t",
  ]);
});

const text = wanted(["c text not null default 'x'"], [column("c", { notNull: true, default: "'x'" })]);

/** What is different; `default: undefined` takes it away. */
type Near = Omit<Partial<KitColumn>, "default"> & { readonly default?: string | undefined };

// One row a rule: the live column `c`, dialect, and what is different on the near side.
const columns: readonly (readonly [rule: string, live: Column, dialect: Dialect, near: Near])[] = [
  [
    "takes what is the same from the revision",
    column("c", { notNull: true, default: "'x'" }),
    "sqlite",
    {},
  ],
  ["sees a NOT NULL that is missing", column("c", { default: "'x'" }), "sqlite", { notNull: false }],
  ["sees another type", column("c", { type: "VARCHAR(9)", notNull: true, default: "'x'" }), "sqlite", {
    type: "VARCHAR(9)",
  }],
  [
    "sees through another spelling of a default",
    column("c", { notNull: true, default: "('x')" }),
    "sqlite",
    {},
  ],
  [
    "sees through PostgreSQL's spelling",
    column("c", { notNull: true, default: "'x'::text" }),
    "postgresql",
    {},
  ],
  ["sees another default", column("c", { notNull: true, default: "'y'" }), "sqlite", { default: "'y'" }],
  ["sees a default that is missing", column("c", { notNull: true }), "sqlite", { default: undefined }],
  [
    "puts an expression in parentheses on SQLite",
    column("c", { notNull: true, default: "lower('Y')" }),
    "sqlite",
    { default: "(lower('Y'))" },
  ],
  [
    "puts none around it on PostgreSQL",
    column("c", { notNull: true, default: "lower('Y')" }),
    "postgresql",
    { default: "lower('Y')" },
  ],
  ["puts none around a number", column("c", { notNull: true, default: "-1.5" }), "sqlite", {
    default: "-1.5",
  }],
  ["puts none around a blob", column("c", { notNull: true, default: "x'00'" }), "sqlite", {
    default: "x'00'",
  }],
  [
    "puts none around a time",
    column("c", { notNull: true, default: "CURRENT_TIMESTAMP" }),
    "sqlite",
    { default: "CURRENT_TIMESTAMP" },
  ],
];
for (const [rule, live, dialect, near] of columns) {
  test(`bridgeEnds() ${rule}`, () => {
    const { from, to } = ends(tableOf("t", [live]), text, dialect);
    const { default: value, ...rest } = { ...text.kit.columns["c"]!, ...near };
    assert.deepEqual(from!.columns["c"], value === undefined ? rest : { ...rest, default: value });
    assert.deepEqual(to.columns, text.kit.columns);
  });
}

test("bridgeEnds() adds a column that is missing and keeps one that the revision does not know, on both sides", () => {
  const { from, to } = ends(tableOf("t", [column("more", { type: "TEXT", default: "upper('a')" })]), text);
  const kept = {
    name: "more",
    type: "TEXT",
    primaryKey: false,
    notNull: false,
    autoincrement: false,
    default: "(upper('a'))",
  };
  assert.deepEqual(Object.keys(from!.columns), ["id", "more"]);
  assert.deepEqual(Object.keys(to.columns), ["id", "more", "c"]);
  assert.deepEqual([from!.columns["more"], to.columns["more"]], [kept, kept]);
});

test("bridgeEnds() keeps AUTOINCREMENT through a copy", () => {
  const live = tableOf("t", [], { peculiarities: ["AUTOINCREMENT"] });
  const { to } = ends(live, wanted([], []));
  assert.equal((to.columns["id"] as { autoincrement?: boolean }).autoincrement, true);
});

test("bridgeEnds() sees that a key is missing", () => {
  const live = {
    ...tableOf("t"),
    primaryKey: [],
    columns: [{ ...idColumn, identity: false, notNull: false }],
  };
  const { from, to } = ends(live, wanted([], []));
  assert.deepEqual([from!.columns["id"]!.primaryKey, to.columns["id"]!.primaryKey], [false, true]);
  assert.equal(from!.columns["id"]!.notNull, false);
});

test("bridgeEnds() leaves the numbering of a key out of its default", () => {
  const live = {
    ...tableOf("t"),
    columns: [{ ...idColumn, identity: false, default: "nextval('s'::regclass)" }],
  };
  assert.equal(ends(live, wanted([], []), "postgresql").from!.columns["id"]!.default, undefined);
});

const indexed = wanted(
  ["c text"],
  [column("c")],
  { indexes: { ix: { name: "ix", columns: ["c"], isUnique: true, where: "c > 1" } as KitIndex } },
  { indexes: [index("ix", { unique: true, where: "c > 1" })] },
);

// One row a rule: the live indexes, and the near side.
const indexes = [
  ["adds an index that is missing", [], {}],
  ["makes one anew that was interrupted", [index("ix", { unique: true, where: "c > 1", valid: false })], {}],
  ["leaves an unknown index to itself", [index("other")], {}],
  [
    "takes the same from the revision",
    [index("ix", { unique: true, where: "(c > 1)" })],
    indexed.kit.indexes,
  ],
  [
    "sees that one is not unique",
    [index("ix", { where: "c > 1" })],
    { ix: { name: "ix", columns: ["c"], isUnique: false, where: "c > 1" } },
  ],
  [
    "sees that one is not partial",
    [index("ix", { unique: true })],
    { ix: { name: "ix", columns: ["c"], isUnique: true } },
  ],
  [
    "sees other columns",
    [index("ix", { unique: true, where: "c > 1", columns: ["id", "c"] })],
    { ix: { name: "ix", columns: ["id", "c"], isUnique: true, where: "c > 1" } },
  ],
] as const;
for (const [rule, live, near] of indexes) {
  test(`bridgeEnds() ${rule}`, () => {
    const { from, to } = ends(tableOf("t", [column("c")], { indexes: live }), indexed);
    assert.deepEqual([from!.indexes, to.indexes], [near, indexed.kit.indexes]);
  });
}

test("bridgeEnds() writes PostgreSQL's index columns as the revision's are", () => {
  const part = (expression: string, isExpression = false) => ({
    expression,
    isExpression,
    asc: true,
    nulls: "last",
  });
  const both = wanted(
    ["c text"],
    [column("c")],
    { indexes: { ix: { name: "ix", columns: [part("c")] } } },
    { indexes: [index("ix")] },
  );
  const { from } = ends(
    tableOf("t", [column("c"), column("größe a")], {
      indexes: [index("ix", { columns: ["id", "größe a", "lower(c)"] })],
    }),
    both,
    "postgresql",
  );
  assert.deepEqual(from!.indexes["ix"]!.columns, [part("id"), part("größe a"), part("lower(c)", true)]);
});

const referring = wanted(
  ["c integer"],
  [column("c")],
  { foreignKeys: kitForeignKey("t", "c", "u") },
  { foreignKeys: [foreignKey("c", "u")] },
);
const own = referring.kit.foreignKeys["t_c_fkey"]!;

// One row a rule: the live foreign keys, and the names on the near and the far side.
const foreignKeys = [
  ["adds a reference that is missing", [], {}, { t_c_fkey: own }],
  ["takes the same from the revision, whatever its name", [foreignKey("c", "u", { name: "x" })], {
    t_c_fkey: own,
  }, {
    t_c_fkey: own,
  }],
  [
    "sees another action",
    [foreignKey("c", "u", { name: "x", onDelete: "cascade" })],
    { x: { ...own, name: "x", onDelete: "cascade", onUpdate: "no action" } },
    { t_c_fkey: own },
  ],
  [
    "sees another action where the other row changes",
    [foreignKey("c", "u", { name: "x", onUpdate: "cascade" })],
    { x: { ...own, name: "x", onDelete: "no action", onUpdate: "cascade" } },
    { t_c_fkey: own },
  ],
  [
    "sees another table",
    [foreignKey("c", "v", { name: "x" })],
    { x: { ...own, name: "x", tableTo: "v", onDelete: "no action", onUpdate: "no action" } },
    { t_c_fkey: own },
  ],
  [
    "keeps a reference that the revision does not know, on both sides",
    [foreignKey("c", "u"), foreignKey("d", "v")],
    {
      t_c_fkey: own,
      t_d_fk: {
        name: "t_d_fk",
        tableFrom: "t",
        tableTo: "v",
        columnsFrom: ["d"],
        columnsTo: ["id"],
        onDelete: "no action",
        onUpdate: "no action",
      },
    },
    {
      t_c_fkey: own,
      t_d_fk: {
        name: "t_d_fk",
        tableFrom: "t",
        tableTo: "v",
        columnsFrom: ["d"],
        columnsTo: ["id"],
        onDelete: "no action",
        onUpdate: "no action",
      },
    },
  ],
] as const;
for (const [rule, live, near, far] of foreignKeys) {
  test(`bridgeEnds() ${rule}`, () => {
    const { from, to } = ends(tableOf("t", [column("c")], { foreignKeys: live }), referring);
    assert.deepEqual([from!.foreignKeys, to.foreignKeys], [near, far]);
  });
}

const checked = wanted(
  ["c text"],
  [column("c")],
  { checkConstraints: kitCheck("k", "c in ('a')") },
  { checks: [check("k", "c in ('a')")] },
);
const kept = { k: { name: "k", value: "c in ('a')" } };

// One row a rule: the live checks, and the near and the far side.
const checks = [
  ["adds a check that is missing", [], {}, kept],
  [
    "takes the same check from the revision, whatever its name and spelling",
    [check("x", "(c IN ('a'))")],
    kept,
    kept,
  ],
  ["sees that a check says something else", [check("k", "c in ('b')")], {
    k: { name: "k", value: "c in ('b')" },
  }, kept],
  [
    "keeps a check that the revision does not know, on both sides",
    [check("k", "c in ('a')"), check("more", "c > 1")],
    { ...kept, more: { name: "more", value: "c > 1" } },
    { ...kept, more: { name: "more", value: "c > 1" } },
  ],
  ["leaves one without a name to the copy", [check("k", "c in ('a')"), check(null, "c > 1")], kept, kept],
] as const;
for (const [rule, live, near, far] of checks) {
  test(`bridgeEnds() ${rule}`, () => {
    const { from, to } = ends(tableOf("t", [column("c")], { checks: live }), checked);
    assert.deepEqual([from!.checkConstraints, to.checkConstraints], [near, far]);
  });
}
