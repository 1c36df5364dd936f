import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dialect } from "../../../src/base/dialect.ts";
import { givenBy } from "../../../src/migrate/kept/rules/given.ts";
import { isBuiltIn } from "../../../src/sql/built_in_type.ts";
import { keyOf } from "../../../src/base/fold_name.ts";
import { keysOf } from "../../../src/migrate/kept/rules/keys.ts";
import { type Loss, lossesOf, tablesOfLosses, withoutMade } from "../../../src/migrate/kept/rules/losses.ts";
import { staysUpTo } from "../../../src/migrate/rules/retyped.ts";
import type { Column, Snapshot, Table } from "../../../src/schema/snapshot.ts";

function column(name: string, type: string): Column {
  return { name, type, notNull: type.endsWith("!"), default: null, identity: false };
}

function table(name: string, columns: readonly Column[], more: Partial<Table> = {}): Table {
  return {
    name,
    columns,
    primaryKey: ["id"],
    foreignKeys: [],
    indexes: [],
    uniques: [],
    checks: [],
    ...more,
  };
}

const types: Readonly<Record<Dialect, readonly [number: string, text: string]>> = {
  sqlite: ["INTEGER", "VARCHAR(20)"],
  postgresql: ["integer", "character varying(20)"],
};

function schemaOf(dialect: Dialect): Snapshot {
  const [number, text] = types[dialect];
  const made = { ...column("twice", number), default: "GENERATED ALWAYS AS (a * 2) STORED" };
  return {
    dialect,
    tables: [
      table("t", [column("id", number), column("a", number), column("b", text), made]),
      table("u", [column("id", number)]),
      table("v", [column("tags", `${text}[]`), column("at", "timestamp(3) with time zone")]),
    ],
    others: [],
  };
}

function show(losses: readonly Loss[]): string {
  return losses.map((loss) => {
    const { name } = loss.table;
    if (loss.kind === "table") return name;
    if (loss.kind === "columns") return `${name}.${loss.columns.join()}`;
    return loss.columns.map((each) =>
      `${name}.${each.name} ${each.change} in ${loss.now}.${loss.names.get(each.name)}${
        each.length === null ? "" : ` behind ${each.length}`
      }`
    )
      .join();
  }).join("; ");
}

const copy = (values: string, types = "id INTEGER, a INTEGER, b VARCHAR(20)") => [
  `CREATE TABLE __new_t (${types})`,
  `INSERT INTO __new_t(id, a, b) SELECT ${values} FROM t`,
  "DROP TABLE t",
  "ALTER TABLE __new_t RENAME TO t",
];

// One row a rule: dialect, statements, what is lost.
const losses:
  readonly (readonly [rule: string, dialect: Dialect, statements: readonly string[], lost: string])[] = [
    ["a dropped column", "sqlite", ["ALTER TABLE t DROP COLUMN a"], "t.a"],
    ["a column in another spelling", "sqlite", ["ALTER TABLE `T` DROP `A`"], "t.a"],
    ["of another name on PostgreSQL", "postgresql", ['ALTER TABLE "T" DROP COLUMN "A"'], ""],
    ["a generated column is none", "sqlite", ["ALTER TABLE t DROP COLUMN twice"], ""],
    [
      "a dropped table, after columns of others",
      "sqlite",
      ["DROP TABLE t", "ALTER TABLE u DROP COLUMN id"],
      "u.id; t",
    ],
    ["several", "postgresql", ["DROP TABLE t, u"], "t; u"],
    ["a table made and dropped is none", "sqlite", ["CREATE TABLE x (id)", "DROP TABLE x"], ""],
    ["indexes are none", "sqlite", ["DROP INDEX i", "CREATE INDEX i ON t (a)"], ""],
    ["a renamed column stays", "sqlite", ["ALTER TABLE t RENAME COLUMN a TO c"], ""],
    ["a renamed column that is dropped", "sqlite", [
      "ALTER TABLE t RENAME COLUMN a TO c",
      "ALTER TABLE t DROP COLUMN c",
    ], "t.a"],
    ["a renamed table that is dropped", "sqlite", ["ALTER TABLE t RENAME TO x", "DROP TABLE x"], "t"],
    ["a faithful copy loses nothing", "sqlite", copy("id, a, b"), ""],
    ["a copy that leaves a column out", "sqlite", [
      "CREATE TABLE __new_t (id INTEGER, a INTEGER)",
      "INSERT INTO __new_t(id, a) SELECT id, a FROM t",
      "DROP TABLE t",
      "ALTER TABLE __new_t RENAME TO t",
    ], "t.b"],
    ["a copy that fills", "sqlite", copy("id, coalesce(a, 0), b"), "t.a filled in t.a"],
    [
      "a copy that fills what it works out",
      "sqlite",
      copy("id, coalesce(a + 1, 0), b"),
      "t.a changed in t.a",
    ],
    ["a copy that works out", "sqlite", copy("id, a + 1, b"), "t.a changed in t.a"],
    ["a copy that fills and goes on", "sqlite", copy("id, coalesce(a, '') || 'x', b"), "t.a changed in t.a"],
    [
      "a copy to another affinity",
      "sqlite",
      copy("id, a, b", "id INTEGER, a INTEGER, b REAL"),
      "t.b changed in t.b",
    ],
    ["a copy to another length", "sqlite", copy("id, a, b", "id INTEGER, a BIGINT, b VARCHAR(10)"), ""],
    ["an update", "sqlite", ["UPDATE t SET a = a + 1"], "t.a changed in t.a"],
    ["an update behind WITH", "sqlite", ["WITH z AS (SELECT 1) UPDATE t SET a = 2"], "t.a changed in t.a"],
    [
      "an update within WITH",
      "postgresql",
      ["WITH z AS (UPDATE t SET a = 2 RETURNING id) INSERT INTO u SELECT id FROM z"],
      "t.a changed in t.a",
    ],
    ["a look behind WITH", "sqlite", ["WITH z AS (SELECT a FROM t) SELECT replace(a, 1, 2) FROM z"], ""],
    [
      "a merge",
      "postgresql",
      ["MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET b = 'x' WHEN NOT MATCHED THEN DO NOTHING"],
      "t.b changed in t.b",
    ],
    [
      "columns of a type that goes",
      "postgresql",
      ["DROP TYPE IF EXISTS mood, integer CASCADE"],
      "t.id,a; u.id",
    ],
    ["a type that goes alone", "postgresql", ["DROP TYPE integer"], ""],
    [
      "arrays that get a longer type, and a spelling of the same",
      "postgresql",
      [
        "ALTER TABLE v ALTER tags TYPE varchar (20) [ ] USING tags :: varchar(20)[], ALTER at TYPE timestamp (3) with time zone",
      ],
      "",
    ],
    [
      "arrays that get a shorter type",
      "postgresql",
      ["ALTER TABLE v ALTER tags TYPE varchar(5)[]"],
      "v.tags changed in v.tags",
    ],
    [
      "an update where there is nothing",
      "sqlite",
      ["UPDATE t SET a = 1 WHERE a IS NULL"],
      "t.a filled in t.a",
    ],
    [
      "a narrower length cuts blanks",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b TYPE varchar(5)"],
      "t.b changed in t.b behind 5",
    ],
    [
      "a wider length",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b TYPE varchar(21) USING b::varchar(20)"],
      "",
    ],
    [
      "a cast to less than the column's type",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b TYPE varchar(40) USING b::varchar(2)"],
      "t.b changed in t.b behind 2",
    ],
    [
      "a cut of what was changed",
      "postgresql",
      ["UPDATE t SET b = a", "ALTER TABLE t ALTER COLUMN b TYPE varchar(4)"],
      "t.b changed in t.b",
    ],
    [
      "a change of what was cut",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b TYPE varchar(4)", "UPDATE t SET b = a"],
      "t.b changed in t.b",
    ],
    [
      "an expression that begins with a cast",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b TYPE text USING b::text || 'x'"],
      "t.b changed in t.b",
    ],
    [
      "a cut",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b SET DATA TYPE varchar(5) USING left(b, 5)"],
      "t.b changed in t.b",
    ],
    [
      "a cut by way of a narrower type",
      "postgresql",
      ["ALTER TABLE t ALTER COLUMN b SET DATA TYPE text USING b::varchar(5)::text"],
      "t.b changed in t.b behind 5",
    ],
    ["a cast by way of a text", "postgresql", [
      "ALTER TABLE t ALTER COLUMN b SET DATA TYPE varchar(20) USING b::text::varchar(20)",
    ], ""],
    ["a plain cast that is faithful", "postgresql", [
      "ALTER TABLE t ALTER COLUMN a TYPE bigint USING a::bigint",
    ], ""],
    ["a type that spells values otherwise", "postgresql", [
      "ALTER TABLE t ALTER COLUMN b TYPE integer USING b::integer",
    ], "t.b changed in t.b"],
  ];
for (const [rule, dialect, statements, lost] of losses) {
  test(`lossesOf() ${rule}`, () => {
    const schema = schemaOf(dialect);
    assert.equal(show(lossesOf(schema, statements)), lost);
    // No more is read than what this depends on.
    const names = tablesOfLosses(statements, dialect)?.map((name) => keyOf(name, dialect));
    const tables = schema.tables.filter(({ name }) => names?.includes(keyOf(name, dialect)) ?? true);
    assert.equal(show(lossesOf({ ...schema, tables }, statements)), lost);
  });
}

test("tablesOfLosses() names no table where nothing is lost, and no more than its own where something is", () => {
  const harmless = [
    "CREATE INDEX i ON t (a)",
    "DROP INDEX i",
    "ALTER TABLE t ADD c text",
    "DELETE FROM t",
    "CREATE TABLE v (id int)",
  ];
  assert.deepEqual(tablesOfLosses(harmless, "postgresql"), []);
  assert.deepEqual(tablesOfLosses([...harmless.slice(0, 2), "DROP TABLE u"], "postgresql"), ["u"]);
  assert.equal(tablesOfLosses(["DROP TYPE mood CASCADE"], "postgresql"), null);
});

test("withoutMade() leaves out what the script itself made before", () => {
  const all = lossesOf(schemaOf("sqlite"), [
    "UPDATE t SET a = 1",
    "ALTER TABLE t DROP COLUMN b",
    "DROP TABLE u",
  ]);
  const earlier = ["ALTER TABLE `t` ADD `a` INTEGER", "ALTER TABLE t ADD b TEXT", "CREATE TABLE u (id)"];
  assert.equal(show(all), "t.b; t.a changed in t.a; u");
  assert.equal(show(withoutMade(all, earlier.slice(0, 1), "sqlite")), "t.b; u");
  assert.equal(show(withoutMade(all, earlier, "sqlite")), "");
});

// One row a rule: what the script is, and what it gives t.c.
const given: readonly (readonly [rule: string, statements: readonly string[], value: string | null])[] = [
  ["a new column holds NULL", ["ALTER TABLE t ADD c TEXT"], "NULL"],
  ["or its default", ["ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'it''s' NOT NULL"], "'it''s'"],
  ["a negative number", ["ALTER TABLE t ADD c INTEGER DEFAULT -1.5"], "-1.5"],
  ["a default that is worked out is not known", ["ALTER TABLE t ADD c TEXT DEFAULT (random())"], null],
  [
    "a backfill of what is NULL",
    ["ALTER TABLE t ADD c TEXT", "UPDATE t SET c = 'local' WHERE c IS NULL"],
    "'local'",
  ],
  ["a backfill behind a default does nothing", [
    "ALTER TABLE t ADD c TEXT DEFAULT 'x'",
    "UPDATE t SET c = 'y' WHERE c IS NULL",
  ], "'x'"],
  ["all rows get one value", ["ALTER TABLE t ADD c TEXT", "UPDATE t SET c = 'y'"], "'y'"],
  ["some rows get a value", ["ALTER TABLE t ADD c TEXT", "UPDATE t SET c = 'y' WHERE a > 1"], null],
  ["a value that is worked out", ["ALTER TABLE t ADD c TEXT", "UPDATE t SET c = a WHERE c IS NULL"], null],
  ["another column's backfill does not matter", ["ALTER TABLE t ADD c TEXT", "UPDATE t SET b = a"], "NULL"],
  ["a copy fills", [
    "ALTER TABLE t ADD c TEXT",
    "CREATE TABLE __new_t (id, c)",
    "INSERT INTO __new_t(id, c) SELECT id, coalesce(c, 'z') FROM t",
    "DROP TABLE t",
    "ALTER TABLE __new_t RENAME TO t",
  ], "'z'"],
  ["what cannot be seen", ["ALTER TABLE t ADD c TEXT", "DO 'anything'"], null],
  ["a column that it does not make", ["ALTER TABLE t ADD d TEXT"], null],
];
for (const [rule, statements, value] of given) {
  test(`givenBy() ${rule}`, () =>
    assert.equal(givenBy(statements, { table: "t", column: "c" }, "sqlite"), value));
}

test("keysOf() takes the primary key and a UUID that any schema knows as unique", () => {
  const columns = [
    column("id", "INTEGER"),
    { ...column("uuid", "VARCHAR(36)"), notNull: true },
    column("email", "TEXT"),
  ];
  const plain = table("t", columns);
  const later = table("t", columns, {
    indexes: [{ name: "i", columns: ["uuid"], unique: true, where: null, valid: true }],
  });
  const schemas: readonly Snapshot[] = [{ dialect: "sqlite", tables: [later], others: [] }];
  assert.deepEqual(keysOf({ table: plain, without: [], schemas: [] }), ["id"]);
  assert.deepEqual(keysOf({ table: plain, without: [], schemas }), ["id", "uuid"]);
  assert.deepEqual(keysOf({ table: later, without: ["id"], schemas: [] }), ["uuid"]);
  assert.deepEqual(keysOf({ table: plain, without: ["id"], schemas: [] }), []);
  assert.deepEqual(keysOf({ table: { ...plain, primaryKey: [] }, without: [], schemas: [] }), []);
  const named = table("t", [column("id", "INTEGER"), { ...column("login", "VARCHAR(32)"), notNull: true }], {
    uniques: [{ name: "u", columns: ["login"] }],
  });
  assert.deepEqual(keysOf({ table: named, without: [], schemas: [] }), ["login"]);
  const numbered = { ...named, columns: [column("id", "INTEGER!"), ...named.columns.slice(1)] };
  assert.deepEqual(keysOf({ table: numbered, without: [], schemas: [] }), ["id"]);
});

test("staysUpTo() knows what stays as it is", () => {
  const cases = (dialect: Dialect, types: readonly (readonly [string, ...(readonly string[])])[]) =>
    types.map(([from, ...to]) => staysUpTo(dialect, from, to));
  assert.deepEqual(
    cases("sqlite", [["TEXT", "VARCHAR(3)"], ["TEXT", "INTEGER"], ["INTEGER", "BLOB"], ["BLOB", "TEXT"]]),
    [Infinity, -1, Infinity, -1],
  );
  assert.deepEqual(
    cases("postgresql", [
      ["character varying(9)", "text"],
      ["integer", "int8"],
      ["uuid", "varchar(36)"],
      ["uuid[]", "text[]"],
      ["timestamp without time zone", "timestamp"],
      ["timestamp with time zone", "timestamptz", "timestamptz"],
      ["character varying(9)[]", "text[]"],
      ["integer[]", "bigint[]"],
      ["character varying(10)[]", "varchar(20)[]"],
      ["timestamp(3) with time zone", "timestamp(3) with time zone"],
      ["timestamp(3) with time zone", "timestamptz(3)"],
      ["boolean", "bool"],
      ["double precision", "float8"],
      ["numeric(9,2)", "decimal(9,2)"],
      ["date[]", "timestamp[]"],
    ]),
    Array(15).fill(Infinity),
  );
  assert.deepEqual(
    cases("postgresql", [
      ["timestamp with time zone", "date", "timestamptz"],
      ["timestamp without time zone", "timestamp(0)", "timestamp"],
      ["numeric", "int", "numeric"],
      ["numeric(9,4)", "numeric(9,2)"],
      ["interval", "interval day", "interval"],
      ["text", "char", "text"],
      ["character varying(9)", "char(5)"],
      ["text[]", "varchar(2)[]", "text[]"],
      ["text", "text[]"],
      ["text[]", "text"],
      ["text[]", "varchar(3)[]"],
      ["numeric[]", "integer[]"],
      ["text", "json"],
      ["integer", "int8 [ ]"],
      ["character varying(20)[]", "varchar(10)[]"],
      ["character(3)", "char"],
      ["timestamp(3) with time zone", "timestamptz(2)"],
      ["timestamp without time zone", "timestamptz at time zone 'utc'", "timestamp"],
      ["double precision", "float4"],
    ]),
    Array(19).fill(-1),
  );
  assert.deepEqual(
    cases("postgresql", [["text", "varchar(3)", "text"], [
      "character varying(10)",
      "varchar(2)",
      "varchar(20)",
    ]]),
    [3, 2],
  );
});

test("isBuiltIn() knows PostgreSQL's own types from those that a script may drop", () => {
  const own = [
    ..."integer text uuid bytea jsonb date int4range tstzmultirange numeric(30,10) numeric(5,-2) bit(3) integer[]"
      .split(" "),
    "double precision",
    "character varying(36)",
    "timestamp(3) with time zone",
    "timestamp without time zone[]",
    "interval day to second(3)",
  ];
  const others = [
    "mood",
    "mood[]",
    '"Kind of"',
    "other.text",
    '"char"',
    "citext",
    "geometry(Point,4326)",
    "integers",
  ];
  assert.deepEqual(own.filter((type) => !isBuiltIn(type)), []);
  assert.deepEqual(others.filter(isBuiltIn), []);
});
