import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSnapshots, describeDifference } from "../../src/schema/compare/snapshots.ts";
import type { Column, ForeignKey, Index, OtherObject, Snapshot, Table } from "../../src/schema/snapshot.ts";

function snapshot(tables: readonly Table[], dialect: Dialect = "sqlite"): Snapshot {
  return { dialect, tables, others: [] };
}

function column(name: string, facts: Partial<Column> = {}): Column {
  return { name, type: "TEXT", notNull: false, default: null, identity: false, ...facts };
}

function index(name: string, facts: Partial<Index> = {}): Index {
  return { name, columns: ["owner"], unique: false, where: null, valid: true, ...facts };
}

function foreignKey(facts: Partial<ForeignKey> = {}): ForeignKey {
  return {
    name: null,
    columns: ["owner"],
    table: "users",
    references: ["id"],
    onDelete: "no action",
    onUpdate: "no action",
    valid: true,
    ...facts,
  };
}

const id = column("id", { type: "INTEGER", notNull: true, identity: true });

function files(facts: Partial<Table> = {}): Table {
  return {
    name: "files",
    columns: [
      id,
      column("owner", { type: "INTEGER" }),
      column("name", { type: "VARCHAR(20)", default: "'a'" }),
    ],
    primaryKey: ["id"],
    foreignKeys: [foreignKey()],
    indexes: [index("ix_files_owner")],
    uniques: [{ name: null, columns: ["name"] }],
    checks: [{ name: "files_name_check", expression: "name in ('a', 'b')", valid: true }],
    ...facts,
  };
}

function withName(facts: Partial<Column>): Table {
  return files({ columns: files().columns.map((it) => it.name === "name" ? { ...it, ...facts } : it) });
}

const users: Table = { ...files(), name: "users", foreignKeys: [], indexes: [], uniques: [], checks: [] };

// One row a rule: what is compared with files(), and the differences in words.
const cases: readonly (readonly [rule: string, actual: readonly Table[], expected: readonly string[]])[] = [
  ["finds nothing in the same schema", [files()], []],
  ["names a missing table", [], ["table files is missing, expected (id, owner, name)"]],
  ["names an extra table", [files(), users], ["table users is not expected, found (id, owner, name)"]],
  ["does not compare the order of columns", [files({ columns: files().columns.toReversed() })], []],
  ["names a missing column", [files({ columns: files().columns.slice(0, 2) })], [
    "column files.name is missing, expected VARCHAR(20) NULL DEFAULT 'a'",
  ]],
  ["names an extra column", [files({ columns: [...files().columns, column("more", { notNull: true })] })], [
    "column files.more is not expected, found TEXT NOT NULL",
  ]],
  ["names another type", [withName({ type: "TEXT" })], [
    "column files.name: expected VARCHAR(20), found TEXT",
  ]],
  ["names another nullability", [withName({ notNull: true })], [
    "column files.name: expected NULL, found NOT NULL",
  ]],
  ["names another default", [withName({ default: "'b'" })], [
    "column files.name: expected DEFAULT 'a', found DEFAULT 'b'",
  ]],
  ["names a lost default", [withName({ default: null })], [
    "column files.name: expected DEFAULT 'a', found no DEFAULT",
  ]],
  ["takes a default in other spelling", [withName({ default: "('a')" })], []],
  ["gives each property of a column its own difference", [withName({ type: "TEXT", notNull: true })], [
    "column files.name: expected VARCHAR(20), found TEXT",
    "column files.name: expected NULL, found NOT NULL",
  ]],
  ["names a key that the database does not make", [files({
    columns: [{ ...id, identity: false }, ...files().columns.slice(1)],
  })], ["column files.id: expected made by the database, found not made by the database"]],
  ["does not compare the nullability of a key that the database makes", [files({
    columns: [{ ...id, notNull: false }, ...files().columns.slice(1)],
  })], []],
  ["names another primary key", [files({ primaryKey: ["id", "name"] })], [
    "primary key files: expected (id), found (id, name)",
  ]],
  ["names a missing primary key", [files({ primaryKey: [] })], [
    "primary key files is missing, expected (id)",
  ]],
  ["does not compare the name of a foreign key", [files({ foreignKeys: [foreignKey({ name: "fk" })] })], []],
  ["names a missing foreign key", [files({ foreignKeys: [] })], [
    "foreign key files(owner) is missing, expected users(id)",
  ]],
  ["names a foreign key that does something else", [
    files({ foreignKeys: [foreignKey({ onDelete: "cascade" })] }),
  ], [
    "foreign key files(owner): expected users(id), found users(id) ON DELETE CASCADE",
  ]],
  ["names a foreign key that does something else where the other row changes", [
    files({ foreignKeys: [foreignKey({ onUpdate: "cascade" })] }),
  ], [
    "foreign key files(owner): expected users(id), found users(id) ON UPDATE CASCADE",
  ]],
  ["names a foreign key that old rows may break", [files({ foreignKeys: [foreignKey({ valid: false })] })], [
    "foreign key files(owner): expected users(id), found users(id) NOT VALID",
  ]],
  ["finds the second foreign key of a column", [files({
    foreignKeys: [foreignKey({ table: "owners" }), foreignKey()],
  })], ["foreign key files(owner) is not expected, found owners(id)"]],
  ["names a missing index", [files({ indexes: [] })], [
    "index ix_files_owner is missing, expected files(owner)",
  ]],
  ["compares the name of an index", [files({ indexes: [index("ix_other")] })], [
    "index ix_files_owner is missing, expected files(owner)",
    "index ix_other is not expected, found files(owner)",
  ]],
  ["names an index that became unique", [files({ indexes: [index("ix_files_owner", { unique: true })] })], [
    "index ix_files_owner: expected files(owner), found UNIQUE files(owner)",
  ]],
  ["names an index of other columns", [
    files({ indexes: [index("ix_files_owner", { columns: ["id", "owner"] })] }),
  ], [
    "index ix_files_owner: expected files(owner), found files(id, owner)",
  ]],
  [
    "names an index that became partial",
    [files({ indexes: [index("ix_files_owner", { where: "id > 1" })] })],
    [
      "index ix_files_owner: expected files(owner), found files(owner) WHERE id > 1",
    ],
  ],
  ["names an index that was interrupted", [files({ indexes: [index("ix_files_owner", { valid: false })] })], [
    "index ix_files_owner: expected files(owner), found files(owner) INVALID",
  ]],
  ["does not compare the name of a unique constraint", [files({
    uniques: [{ name: "some_key", columns: ["name"] }],
  })], []],
  ["names another unique constraint", [files({ uniques: [{ name: null, columns: ["owner", "name"] }] })], [
    "unique files(name) is missing, expected (name)",
    "unique files(owner, name) is not expected, found (owner, name)",
  ]],
  ["takes a check of another name and spelling", [files({
    checks: [{ name: null, expression: "(`name` IN ('a','b'))", valid: true }],
  })], []],
  ["names a check that allows something else", [files({
    checks: [{ name: "files_name_check", expression: "name in ('a')", valid: true }],
  })], ["check files_name_check: expected name in ('a', 'b'), found name in ('a')"]],
  ["names a check that old rows may break", [files({
    checks: [{ name: null, expression: "name in ('a', 'b')", valid: false }],
  })], ["check files_name_check: expected name in ('a', 'b'), found name in ('a', 'b') NOT VALID"]],
  ["names a check without a name by its table", [files({
    checks: [...files().checks, { name: null, expression: "owner > 0", valid: true }],
  })], ["check files is not expected, found owner > 0"]],
];
for (const [rule, actual, expected] of cases) {
  test(`compareSnapshots() ${rule}`, () => {
    assert.deepEqual(
      compareSnapshots(snapshot([files()]), snapshot(actual)).map(describeDifference),
      expected,
    );
  });
}

test("compareSnapshots() names an identity that takes no number of a program's, and takes a serial for either", () => {
  const withId = (facts: Partial<Column>) =>
    snapshot([files({ columns: [{ ...id, ...facts }, ...files().columns.slice(1)] })], "postgresql");
  const [always, given, serial] = [
    withId({ numbered: "always" }),
    withId({ numbered: "by default" }),
    withId({}),
  ];
  assert.deepEqual(compareSnapshots(always, given).map(describeDifference), [
    "column files.id: expected GENERATED ALWAYS AS IDENTITY, found GENERATED BY DEFAULT AS IDENTITY",
  ]);
  for (const identity of [always, given]) assert.deepEqual(compareSnapshots(identity, serial), []);
});

test("compareSnapshots() gives kind, path and both sides", () => {
  assert.deepEqual(compareSnapshots(snapshot([files()]), snapshot([withName({ type: "TEXT" }), users])), [
    { kind: "changed", path: "column files.name", expected: "VARCHAR(20)", actual: "TEXT" },
    { kind: "extra", path: "table users", expected: null, actual: "(id, owner, name)" },
  ]);
  assert.deepEqual(compareSnapshots(snapshot([users]), snapshot([])), [
    { kind: "missing", path: "table users", expected: "(id, owner, name)", actual: null },
  ]);
});

test("compareSnapshots() goes by the names of the tables, whichever side has them", () => {
  const named = (name: string) => ({ ...users, name });
  const differences = compareSnapshots(
    snapshot([named("b"), named("d")]),
    snapshot([named("a"), named("c")]),
  );
  assert.deepEqual(differences.map((it) => it.path), ["table a", "table b", "table c", "table d"]);
});

test("compareSnapshots() does not compare views and triggers", () => {
  const view = { kind: "view", name: "v", table: null, sql: null } as const;
  assert.deepEqual(compareSnapshots(snapshot([]), { ...snapshot([]), others: [view] }), []);
});

test("compareSnapshots() sees through PostgreSQL's spelling of an index and a default", () => {
  const written = files({
    columns: [column("name", { default: "'a'" })],
    indexes: [index("ix", { columns: ['lower("name")'], where: `"files"."name" in ('a', 'b')` })],
  });
  const printed = files({
    columns: [column("name", { default: "'a'::text" })],
    indexes: [index("ix", { columns: ["lower(name)"], where: "(name = ANY (ARRAY['a'::text, 'b'::text]))" })],
  });
  assert.deepEqual(
    compareSnapshots(snapshot([written], "postgresql"), snapshot([printed], "postgresql")),
    [],
  );
});

const view = (sql: string): OtherObject => ({ kind: "view", name: "v", table: null, sql, isDeclared: true });
const sequence = (sql: string): OtherObject => ({ kind: "sequence", name: "s", table: null, sql });
const policy = (...lines: readonly string[]): OtherObject => ({
  kind: "policy",
  name: "p",
  table: "t",
  sql: lines.join("\n"),
});

// A type's name as schema.ts has it and as PostgreSQL prints it, which puts words of its own in quotes.
const typeNames = [
  ['inner."Kind"[]', '"inner"."Kind"[]'],
  ["order", '"order"'],
] as const;
for (const [written, printed] of typeNames) {
  test(`compareSnapshots() takes the type ${written} for ${printed}`, () => {
    const [expected, actual] = [written, printed].map((type) =>
      snapshot([withName({ type, default: null })], "postgresql")
    );
    assert.deepEqual(compareSnapshots(expected!, actual!), []);
  });
}

// What schema.ts says, what PostgreSQL 15 or 18 prints, and the kind of difference, if it is one.
const others:
  readonly (readonly [expected: OtherObject | null, actual: OtherObject | null, kind?: string])[] = [
    [
      view(`select "id", "name" from "t" where ("t"."n" = 3 and "t"."name" like 'a%')`),
      view(" SELECT t.id,\n    t.name\n   FROM t\n  WHERE t.n = 3 AND t.name ~~ 'a%'::text;"),
    ],
    [
      view("SELECT count(*), COALESCE(a, 'x') FROM t WHERE n IN (1, 2) AND m BETWEEN -1 AND 5 GROUP BY a"),
      view(
        " SELECT count(*) AS count,\n COALESCE(a, 'x'::character varying) AS \"coalesce\"\n FROM t\n WHERE (n = ANY (ARRAY[1, 2])) AND m >= '-1'::integer AND m <= 5\n GROUP BY a;",
      ),
    ],
    [
      view(
        "SELECT lower(name) AS n, -a FROM t WHERE a NOT IN (-1, 2) AND b NOT LIKE 'x' AND lower(c) NOT BETWEEN '-1' AND 'z' AND d NOT IN (SELECT id FROM u) AND e IS NOT DISTINCT FROM 1 AND CAST(f AS numeric(10,2)) = 1 GROUP BY n, a ORDER BY n",
      ),
      view(
        ` SELECT lower(name) AS n, - a AS "?column?" FROM t WHERE (a <> ALL (ARRAY['-1'::integer, 2])) AND b !~~ 'x'::text AND (lower(c) < '-1'::text OR lower(c) > 'z'::text) AND NOT (d IN ( SELECT u.id FROM u)) AND NOT e IS DISTINCT FROM 1 AND f::numeric(10,2) = 1::numeric GROUP BY (lower(name)), a ORDER BY (lower(name));`,
      ),
    ],
    ...[
      ["(id, p) = (1, f(2, 3))", "id = 1 AND p = f(2, 3)"],
      ["NOT (id, p) <> ROW(1, 2)", "NOT (id <> 1 OR p <> 2)"],
      ["(id, p) IN ((1, 2), (3, 4))", "(id = 1 AND p = 2) OR (id = 3 AND p = 4)"],
      ["(id, p) NOT IN ((1, 2), (3, 4))", "(id <> 1 OR p <> 2) AND (id <> 3 OR p <> 4)"],
      ["(id, p) < (1, 2)", "ROW(id, p) < ROW(1, 2)"],
      ["tz > '2020-1-1'", "tz > '2020-01-01 00:00:00+00'::timestamp with time zone"],
      ["a = 't' OR b IN ('f', 'true')", "a = true OR (b = ANY (ARRAY[false, true]))"],
      [
        "d > '2020-1-5' AND ts < '2020-01-05T08:30:00.000Z'",
        "d > '2020-01-05'::date AND ts < '2020-01-05 08:30:00'::timestamp without time zone",
      ],
      [
        "tm > '8:30' AND iv < '90 minutes'",
        "tm > '08:30:00'::time without time zone AND iv < '01:30:00'::interval",
      ],
      ["a = 't' AND b::text < '8:30'", "a = 't'::text AND b::text < '8:30'::text"],
      ["(id, p) IN (SELECT id, p FROM t)", "(id, p) IN ( SELECT t_1.id, t_1.p FROM t t_1)"],
      [
        "n = (SELECT max(n) FROM t WHERE id > 0)",
        "n = (( SELECT max(t_1.n) AS max FROM t t_1 WHERE t_1.id > 0))",
      ],
    ].map(([one, other]) =>
      [view(`SELECT id FROM t WHERE ${one}`), view(` SELECT id FROM t WHERE ${other};`)] as const
    ),
    [view("SELECT * FROM t"), view(" SELECT t.id,\n t.name\n FROM t;")],
    [view('select "id" from "t" where "t"."n" > 3'), view(" SELECT id FROM t WHERE n > 4;"), "changed"],
    [view('select "id" from "t" where "t"."n" > 3'), view(" SELECT id FROM t WHERE n < 3;"), "changed"],
    [view('select "id" from "t"'), view(" SELECT id, name FROM t;"), "changed"],
    ...[
      ["n IS NULL", "n IS NOT NULL"],
      ["a = 1 AND b = 2", "a = 1 OR b = 2"],
      ["a = true", "a = false"],
      ["a = 't'", "a = false"],
      ["a = 't'", "a = 'true'::text"],
      ["a IN ('no', 't')", "a::text = ANY (ARRAY['no'::text, 'true'::text])"],
      ["a = '8:30'", "a = '08:30:00'::bpchar"],
      ["d > '2020-1-5'", "d > '2020-01-06'::date"],
      ["iv > '90 minutes'", "iv > '01:31:00'::interval"],
      ["a - b > 0", "b - a > 0"],
      ["n > '-1'::integer", "n > 1"],
      ["a IS NULL AND b IS NOT NULL", "a IS NOT NULL AND b IS NULL"],
      ["a = true AND b = false", "a = false AND b = true"],
      ["a = 1 UNION SELECT id FROM t WHERE b = 1", "a = 1 UNION ALL SELECT id FROM t WHERE b = 1"],
      ["a IN (SELECT b FROM u)", "NOT (a IN (SELECT b FROM u))"],
      ["(a, b) = (1, 2)", "a = 1 OR b = 2"],
      ["(a, b) = (1, 2)", "a = 2 AND b = 1"],
      ["(a, b) IN ((1, 2), (3, 4))", "a = 1 AND b = 2"],
      ["a IN (SELECT b FROM t_1)", "a IN (SELECT b FROM t)"],
    ].map(([one, other]) =>
      [view(`SELECT id FROM t WHERE ${one}`), view(` SELECT id FROM t WHERE ${other};`), "changed"] as const
    ),
    [view('select "id" from "t"'), null, "missing"],
    [null, view(" SELECT id FROM t;"), "extra"],
    [null, sequence("INCREMENT BY 1")],
    [{ ...sequence("INCREMENT BY 1"), isDeclared: true }, sequence("INCREMENT BY 2"), "changed"],
    [
      { ...policy("AS PERMISSIVE FOR ALL TO public", 'USING "t"."n" > 0'), isDeclared: true },
      policy("AS PERMISSIVE FOR ALL TO public", "USING (n > 0)"),
    ],
    [
      {
        ...policy("AS PERMISSIVE FOR ALL TO public", "USING exists (select 1 from t where t.c = 'a')"),
        isDeclared: true,
      },
      policy("AS PERMISSIVE FOR ALL TO public", "USING (EXISTS ( SELECT 1 FROM t WHERE (t.c = 'a'::e)))"),
    ],
    [
      {
        ...policy("AS PERMISSIVE FOR ALL TO public", "USING exists (select 1 from t where t.c = 'a')"),
        isDeclared: true,
      },
      policy("AS PERMISSIVE FOR ALL TO public", "USING (EXISTS ( SELECT 1 FROM t WHERE (t.c = 'b'::e)))"),
      "changed",
    ],
    [
      view("SELECT CASE WHEN d::e = 'a' THEN 1 END AS x FROM t"),
      view(" SELECT CASE WHEN t.d::e = 'a'::e THEN 1 ELSE NULL::integer END AS x FROM t;"),
    ],
    [
      { ...policy("AS PERMISSIVE FOR ALL TO public", 'USING "t"."n" > 0'), isDeclared: true },
      policy("AS PERMISSIVE FOR SELECT TO public", "USING (n > 0)"),
      "changed",
    ],
    [
      { ...policy("AS PERMISSIVE FOR ALL TO public", "USING n > 0"), isDeclared: true },
      policy("DISABLED AS PERMISSIVE FOR ALL TO public", "USING (n > 0)"),
      "changed",
    ],
    [
      { ...policy("AS PERMISSIVE FOR ALL TO public", "USING n > 0"), isDeclared: true },
      policy("AS PERMISSIVE FOR ALL TO public", "WITH CHECK (n > 0)"),
      "changed",
    ],
  ];
for (const [expected, actual, kind] of others) {
  const named = (expected ?? actual)!;
  test(`compareSnapshots() finds ${kind ?? "no difference"} in the ${named.kind} ${JSON.stringify(named.sql)}`, () => {
    const holding = (each: OtherObject | null): Snapshot => ({
      dialect: "postgresql",
      tables: [],
      others: each === null ? [] : [each],
    });
    const found = compareSnapshots(holding(expected), holding(actual));
    assert.deepEqual(found.map((each) => each.kind), kind === undefined ? [] : [kind]);
  });
}
