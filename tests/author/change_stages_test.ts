import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DecidedFill, type SnapshotPair, stagesOf } from "../../src/author/rules/change/stages.ts";
import type { KitIndex, KitSnapshot, KitTable } from "../../src/schema/kit_snapshot.ts";
import { parseRenames } from "../../src/author/rules/change/renames.ts";
import { kitCheck, kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

const id = "id integer key";
const t = (columns: readonly string[], more: Partial<KitTable> = {}) => kitTable("t", [id, ...columns], more);
const u = kitTable("u", [id]);
const index = (name: string, column: string, more: Partial<KitIndex> = {}): KitTable["indexes"] => ({
  [name]: { name, columns: [column], ...more },
});

function stages(
  dialect: Dialect,
  { from, to, renames = [], fills = [] }: {
    readonly from: readonly KitTable[];
    readonly to: readonly KitTable[];
    readonly renames?: readonly string[];
    readonly fills?: readonly DecidedFill[];
  },
) {
  const change = {
    from: kitSnapshot(dialect, ...from),
    to: kitSnapshot(dialect, ...to),
    renames: parseRenames(renames),
    fills,
  };
  return { ...stagesOf(change), change };
}

/** Every table with its columns and the names of its parts: `t(id, c) ix, k`. */
function show({ tables }: KitSnapshot): string {
  return Object.values(tables).map((table) => {
    const columns = Object.values(table.columns).map(({ name, notNull, default: value, primaryKey }) =>
      `${name}${notNull && !primaryKey ? " not null" : ""}${value === undefined ? "" : ` = ${value}`}`
    );
    const parts = [table.indexes, table.foreignKeys, table.uniqueConstraints, table.checkConstraints].flatMap(
      (section) => Object.keys(section),
    );
    return `${table.name}(${columns.join(", ")})${parts.map((name) => ` ${name}`).join("")}`;
  }).join("; ");
}

const pair = (ends: SnapshotPair) => ends.map(show);

for (const dialect of ["sqlite", "postgresql"] as const) {
  test(`stagesOf() adds before it takes away (${dialect})`, () => {
    const { expand, contract, change } = stages(dialect, { from: [t(["a text"]), u], to: [t(["b text"])] });
    assert.deepEqual(pair(expand), ["t(id, a); u(id)", "t(id, a, b); u(id)"]);
    assert.deepEqual(pair(contract[0]!), ["t(id, a, b); u(id)", "t(id, a, b); u(id)"]);
    assert.deepEqual(contract.at(-1)![1], change.to);
    // No stage has both something gone and something new, about which drizzle-kit would ask.
    for (const [from, to] of [expand, ...contract]) {
      const names = (snapshot: KitSnapshot) =>
        Object.values(snapshot.tables).flatMap(({ name, columns }) =>
          Object.keys(columns).map((column) => `${name}.${column}`)
        );
      const [before, after] = [names(from), names(to)];
      assert.ok(before.every((name) => after.includes(name)) || after.every((name) => before.includes(name)));
    }
  });

  test(`stagesOf() adds a table as it is in the end (${dialect})`, () => {
    const made = t(["c text not null"], {
      indexes: index("ix", "c"),
      foreignKeys: kitForeignKey("t", "c", "u"),
    });
    const { expand } = stages(dialect, { from: [u], to: [u, made] });
    assert.deepEqual(pair(expand), ["u(id)", "u(id); t(id, c not null) ix t_c_fkey"]);
  });

  test(`stagesOf() adds the sections that tables do not have, and keeps what goes later (${dialect})`, () => {
    const old = { name: "old", values: ["a"] };
    const mood = { name: "mood", values: ["b"] };
    const from = { ...kitSnapshot(dialect, t([])), enums: { old } };
    const to = { ...kitSnapshot(dialect, t([])), enums: { mood } };
    const { expand, contract } = stagesOf({ from, to, renames: parseRenames([]), fills: [] });
    assert.deepEqual(expand[1].enums, { old, mood });
    assert.deepEqual(contract.at(-1)![1].enums, { mood });
  });

  test(`stagesOf() leaves the changes of what exists to the end (${dialect})`, () => {
    const { expand, contract } = stages(dialect, {
      from: [t(["c text"])],
      to: [
        t(["c text not null default 'x'"], {
          indexes: index("ix", "c"),
          checkConstraints: kitCheck("k", "c"),
        }),
      ],
    });
    assert.deepEqual(pair(expand), ["t(id, c)", "t(id, c)"]);
    assert.deepEqual(pair(contract.at(-1)!), ["t(id, c)", "t(id, c not null = 'x') ix k"]);
  });
}

// One row a rule: dialect, renames, and the statements that come first.
const renamed: readonly (readonly [Dialect, readonly string[], readonly string[]])[] = [
  ["sqlite", ["old=t", "t.a=t.c"], [
    "ALTER TABLE `old` RENAME TO `t`;",
    "ALTER TABLE `t` RENAME COLUMN `a` TO `c`;",
  ]],
  ["postgresql", ["old=t", "t.a=t.c"], [
    'ALTER TABLE "old" RENAME TO "t";',
    'ALTER TABLE "t" RENAME COLUMN "a" TO "c";',
  ]],
];
for (const [dialect, renames, expected] of renamed) {
  test(`stagesOf() renames tables, then columns (${dialect})`, () => {
    const { renames: said, expand } = stages(dialect, {
      from: [kitTable("old", [id, "a text"])],
      to: [t(["c text"])],
      renames,
    });
    assert.deepEqual(said, expected);
    assert.deepEqual(pair(expand), ["t(id, c)", "t(id, c)"]);
  });
}

// What has names of its own: the section, and what PostgreSQL calls it.
const named = [
  [
    "an index",
    { indexes: index("old", "c") },
    { indexes: index("new", "c") },
    'ALTER INDEX "old" RENAME TO "new";',
  ],
  [
    "a check",
    { checkConstraints: kitCheck("old", "c > 0") },
    { checkConstraints: kitCheck("new", "c > 0") },
    'ALTER TABLE "t" RENAME CONSTRAINT "old" TO "new";',
  ],
  [
    "a unique constraint",
    { uniqueConstraints: { old: { name: "old", columns: ["c"] } } },
    { uniqueConstraints: { new: { name: "new", columns: ["c"] } } },
    'ALTER TABLE "t" RENAME CONSTRAINT "old" TO "new";',
  ],
  [
    "a primary key of its own",
    { compositePrimaryKeys: { old: { name: "old", columns: ["id", "c"] } } },
    { compositePrimaryKeys: { new: { name: "new", columns: ["id", "c"] } } },
    'ALTER TABLE "t" RENAME CONSTRAINT "old" TO "new";',
  ],
] as const;
for (const [what, before, after, statement] of named) {
  test(`stagesOf() gives ${what} its new name on PostgreSQL`, () => {
    const { renames, expand, change } = stages("postgresql", {
      from: [t(["c text"], before)],
      to: [t(["c text"], after)],
    });
    assert.deepEqual(renames, [statement]);
    assert.deepEqual(expand[0].tables, change.to.tables);
  });
}

test("stagesOf() makes what changed beside its name anew", () => {
  const { renames } = stages("postgresql", {
    from: [t(["c text", "d text"], { indexes: index("old", "c") })],
    to: [t(["c text", "d text"], { indexes: index("new", "d") })],
  });
  assert.deepEqual(renames, []);
});

test("stagesOf() gives a name once, and leaves one that stays", () => {
  const { renames } = stages("postgresql", {
    from: [t(["c text"], { indexes: { ...index("stays", "c"), ...index("a", "c"), ...index("b", "c") } })],
    to: [t(["c text"], { indexes: { ...index("stays", "c"), ...index("new", "c") } })],
  });
  assert.deepEqual(renames, ['ALTER INDEX "a" RENAME TO "new";']);
});

test("stagesOf() renames constraints on SQLite without a statement, and makes indexes anew", () => {
  const parts = (name: string) => ({
    indexes: index(`ix_${name}`, "c"),
    checkConstraints: kitCheck(name, "c"),
  });
  const { renames, expand } = stages("sqlite", {
    from: [t(["c text"], parts("old"))],
    to: [t(["c text"], parts("new"))],
  });
  assert.deepEqual(renames, []);
  assert.deepEqual(show(expand[0]), "t(id, c) ix_old new");
});

const fill = (column: string, value: string, existed = false): DecidedFill => ({
  table: "t",
  column,
  value,
  existed,
});

// One row a rule: dialect, the column, what its rows get, and how it is added.
const entries: readonly (readonly [Dialect, string, DecidedFill | null, string])[] = [
  ["postgresql", "c text not null default 'x'", null, "c not null = 'x'"],
  ["postgresql", "c text not null", fill("c", "'x'"), "c not null = 'x'"],
  ["postgresql", "c text not null default gen_random_uuid()", fill("c", "gen_random_uuid()"), "c"],
  ["postgresql", "c text not null", fill("c", "upper(name)"), "c"],
  ["sqlite", "c text not null", fill("c", "'x'"), "c"],
  ["sqlite", "c text not null default random()", fill("c", "random()"), "c"],
];
for (const [dialect, column, given, expected] of entries) {
  test(`stagesOf() adds ${column} with ${given?.value ?? "nothing"} as ${expected} (${dialect})`, () => {
    const { expand } = stages(dialect, {
      from: [t([])],
      to: [t([column])],
      fills: given === null ? [] : [given],
    });
    assert.equal(show(expand[1]), `t(id, ${expected})`);
  });
}

// SQLite takes with a new column what would otherwise rebuild the table.
const inline: readonly (readonly [
  rule: string,
  from: readonly string[],
  column: string,
  check: string,
  fills: readonly DecidedFill[],
  expected: readonly string[],
])[] = [
  ["takes a check of a new column", [], "c text", `"c" IN ('a')`, [], ["t.c"]],
  ["knows the column in any quotes", [], "c text", "length(`c`) > 1", [], ["t.c"]],
  ["leaves a check that looks at another column", ["d text"], "c text", `"c" > "d"`, [], []],
  ["leaves a check of another column", ["d text"], "c text", `"d" > 1`, [], []],
  ["is not taken in by a string", ["d text"], "c text", `"c" <> 'd'`, [], ["t.c"]],
  ["leaves a check of a column that is there", ["c text"], "c text", `"c" > 1`, [], []],
  ["leaves one of a column that is filled while its table is copied", [], "c text not null", `"c" > 1`, [
    fill("c", "'x'"),
  ], []],
];
for (const [rule, from, column, value, fills, expected] of inline) {
  test(`stagesOf() ${rule}`, () => {
    const to = t([...from.filter((each) => each !== column), column], {
      checkConstraints: kitCheck("k", value),
    });
    const { inlineChecks, contract } = stages("sqlite", { from: [t(from)], to: [to], fills });
    assert.deepEqual([...inlineChecks.keys()], expected);
    for (const checks of inlineChecks.values()) assert.deepEqual(checks, [{ name: "k", value }]);
    // drizzle-kit is told that the check is there already, or it would rebuild the table for it.
    assert.equal("k" in contract[0]![0].tables["t"]!.checkConstraints, expected.length > 0);
  });
}

test("stagesOf() takes no check with a column on PostgreSQL", () => {
  const to = t(["c text"], { checkConstraints: kitCheck("k", `"c" > 1`) });
  assert.equal(stages("postgresql", { from: [t([])], to: [to] }).inlineChecks.size, 0);
});

test("stagesOf() takes a reference with its new column on SQLite, and adds it later on PostgreSQL", () => {
  const change = {
    from: [u, t([])],
    to: [u, t(["c integer"], { foreignKeys: kitForeignKey("t", "c", "u") })],
  };
  assert.equal(show(stages("sqlite", change).expand[1]), "u(id); t(id, c) t_c_fkey");
  const { expand, contract } = stages("postgresql", change);
  assert.equal(show(expand[1]), "u(id); t(id, c)");
  assert.equal(show(contract.at(-1)![1]), "u(id); t(id, c) t_c_fkey");
});

test("stagesOf() takes no reference with a column that is there", () => {
  const keys = { foreignKeys: kitForeignKey("t", "c", "u") };
  const { expand } = stages("sqlite", { from: [u, t(["c integer"])], to: [u, t(["c integer"], keys)] });
  assert.equal(show(expand[1]), "u(id); t(id, c)");
});

test("stagesOf() leaves a reference of several columns for later on SQLite", () => {
  const [own] = Object.values(kitForeignKey("t", "c", "u"));
  const keys = { [own!.name]: { ...own!, columnsFrom: ["c", "d"], columnsTo: ["id", "d"] } };
  const { expand } = stages("sqlite", {
    from: [u, t([])],
    to: [u, t(["c integer", "d integer"], { foreignKeys: keys })],
  });
  assert.equal(show(expand[1]), "u(id); t(id, c, d)");
});

test("stagesOf() lets a foreign key that only goes, go with the rest", () => {
  const keys = { foreignKeys: kitForeignKey("t", "c", "u") };
  const { contract } = stages("postgresql", { from: [u, t(["c integer"], keys)], to: [u, t(["c integer"])] });
  assert.deepEqual(contract.map(pair), [
    ["u(id); t(id, c) t_c_fkey", "u(id); t(id, c) t_c_fkey"],
    ["u(id); t(id, c) t_c_fkey", "u(id); t(id, c)"],
  ]);
});

test("stagesOf() takes a foreign key that changes away before it makes it again, on PostgreSQL", () => {
  const [own] = Object.values(kitForeignKey("t", "c", "u"));
  const changed = { [own!.name]: { ...own!, onDelete: "cascade" } };
  const change = {
    from: [u, t(["c integer"], { foreignKeys: { [own!.name]: own! } })],
    to: [u, t(["c integer"], { foreignKeys: changed })],
  };
  assert.deepEqual(stages("postgresql", change).contract.map(pair), [
    ["u(id); t(id, c) t_c_fkey", "u(id); t(id, c)"],
    ["u(id); t(id, c)", "u(id); t(id, c) t_c_fkey"],
  ]);
  const same = { from: change.from, to: change.from };
  assert.equal(show(stages("postgresql", same).contract[0]![1]), "u(id); t(id, c) t_c_fkey");
});
