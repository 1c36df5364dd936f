import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeDrizzleSnapshot } from "../../src/schema/drizzle_snapshot.ts";
import { HarborError } from "../../src/base/errors.ts";
import { readKitSnapshot } from "../../src/schema/kit_snapshot.ts";
import type { Snapshot } from "../../src/schema/snapshot.ts";

const id = { name: "id", type: "INTEGER", primaryKey: true, notNull: true, autoincrement: false };

function read(json: unknown): Snapshot {
  return normalizeDrizzleSnapshot(readKitSnapshot({ path: "meta/1_snapshot.json", json }));
}

function sqlite(tables: unknown): unknown {
  return { version: "6", dialect: "sqlite", tables, views: {}, enums: {}, id: "1", prevId: "0" };
}

function postgresql(tables: unknown): unknown {
  return { version: "7", dialect: "postgresql", tables, views: {}, enums: {}, id: "1", prevId: "0" };
}

function sqliteTable(name: string, parts: Record<string, unknown>): unknown {
  return { [name]: { name, columns: {}, indexes: {}, foreignKeys: {}, compositePrimaryKeys: {}, ...parts } };
}

test("a table that two snapshots share is the same in both, unless an enum type of its own is another one there", () => {
  const parts = {
    indexes: {},
    foreignKeys: {},
    compositePrimaryKeys: {},
    uniqueConstraints: {},
    checkConstraints: {},
  };
  const table = (name: string, type: string) => ({
    name,
    schema: "",
    columns: { a: { name: "a", type, typeSchema: "public", primaryKey: false, notNull: false } },
    ...parts,
  });
  const tables = { "public.moods": table("moods", "mood"), "public.sizes": table("sizes", "size[]") };
  const readWith = (mood: readonly string[]) => {
    const kinds = { mood, size: ["s", "l"] };
    const enums = Object.fromEntries(
      Object.entries(kinds).map(([name, values]) => [`public.${name}`, { name, schema: "public", values }]),
    );
    return read({ ...postgresql(tables) as object, enums }).tables;
  };
  const [before, after] = [readWith(["glad"]), readWith(["glad", "sad"])];
  assert.equal(before[1], after[1]);
  assert.deepEqual(before.map(({ columns }) => columns[0]!.values), [["glad"], ["s", "l"]]);
  assert.deepEqual(after.map(({ columns }) => columns[0]!.values), [["glad", "sad"], ["s", "l"]]);
});

test("normalizeDrizzleSnapshot() reads a SQLite snapshot", () => {
  const json = sqlite({
    ...sqliteTable("users", { columns: { id } }) as object,
    ...sqliteTable("files", {
      columns: {
        id,
        user_id: { name: "user_id", type: "integer", primaryKey: false, notNull: true },
        backend: {
          name: "backend",
          type: "varchar(20)",
          primaryKey: false,
          notNull: false,
          default: "'local'",
        },
        size: { name: "size", type: "INTEGER", primaryKey: false, notNull: false, default: 0 },
        uuid: {
          name: "uuid",
          type: "TEXT",
          primaryKey: false,
          notNull: true,
          default: "(lower(hex(randomblob(16))))",
        },
      },
      indexes: {
        ix_uuid: { name: "ix_uuid", columns: ["uuid"], isUnique: true },
        ix_backend: { name: "ix_backend", columns: ["backend", "size"], isUnique: false, where: "size > 0" },
      },
      foreignKeys: {
        fk: {
          name: "fk",
          tableFrom: "files",
          tableTo: "users",
          columnsFrom: ["user_id"],
          columnsTo: ["id"],
          onDelete: "cascade",
          onUpdate: "no action",
        },
      },
      uniqueConstraints: { u: { name: "u", columns: ["uuid", "size"] } },
      checkConstraints: { c: { name: "c", value: `"backend" IN ('local', 'r2')` } },
    }) as object,
  });
  const idColumn = { name: "id", type: "INTEGER", notNull: true, default: null, identity: true };
  const plain = { notNull: false, default: null, identity: false };
  assert.deepEqual(read(json), {
    dialect: "sqlite",
    tables: [
      {
        name: "files",
        columns: [
          idColumn,
          { ...plain, name: "user_id", type: "INTEGER", notNull: true },
          { ...plain, name: "backend", type: "VARCHAR(20)", default: "'local'" },
          { ...plain, name: "size", type: "INTEGER", default: "0" },
          { ...plain, name: "uuid", type: "TEXT", notNull: true, default: "lower(hex(randomblob(16)))" },
        ],
        primaryKey: ["id"],
        foreignKeys: [{
          name: null,
          columns: ["user_id"],
          table: "users",
          references: ["id"],
          onDelete: "cascade",
          onUpdate: "no action",
          valid: true,
        }],
        indexes: [
          { name: "ix_backend", columns: ["backend", "size"], unique: false, where: "size > 0", valid: true },
          { name: "ix_uuid", columns: ["uuid"], unique: true, where: null, valid: true },
        ],
        uniques: [{ name: null, columns: ["uuid", "size"] }],
        checks: [{ name: "c", expression: `"backend" IN ('local', 'r2')`, valid: true }],
      },
      {
        name: "users",
        columns: [idColumn],
        primaryKey: ["id"],
        foreignKeys: [],
        indexes: [],
        uniques: [],
        checks: [],
      },
    ],
    others: [],
  });
});

test("normalizeDrizzleSnapshot() reads a PostgreSQL snapshot", () => {
  const json = postgresql({
    "public.files": {
      name: "files",
      schema: "",
      columns: {
        id: { name: "id", type: "serial", primaryKey: true, notNull: true },
        made: {
          name: "made",
          type: "bigint",
          primaryKey: false,
          notNull: false,
          identity: { type: "always", name: "s" },
        },
        backend: {
          name: "backend",
          type: "varchar(20)",
          primaryKey: false,
          notNull: false,
          default: "'local'",
        },
        at: { name: "at", type: "timestamp", primaryKey: false, notNull: true, default: "now()" },
        rank: { name: "rank", type: "integer", primaryKey: false, notNull: true, default: -1 },
        on: { name: "on", type: "boolean", primaryKey: false, notNull: true, default: true },
      },
      indexes: {
        ix: {
          name: "ix",
          columns: [
            { expression: "backend", isExpression: false, asc: true, nulls: "last" },
            { expression: "lower(backend)", isExpression: true, asc: true, nulls: "last" },
          ],
          isUnique: true,
          where: "rank > 0",
          concurrently: false,
          method: "btree",
          with: {},
        },
      },
      foreignKeys: {
        files_made_fkey: {
          name: "files_made_fkey",
          tableFrom: "files",
          tableTo: "users",
          columnsFrom: ["made"],
          columnsTo: ["id"],
        },
      },
      compositePrimaryKeys: {},
      uniqueConstraints: { u: { name: "u", nullsNotDistinct: false, columns: ["at"] } },
      checkConstraints: { c: { name: "c", value: "rank > 0" } },
      policies: {},
      isRLSEnabled: false,
    },
  });
  const plain = { notNull: true, default: null, identity: false };
  assert.deepEqual(read(json).tables, [{
    name: "files",
    columns: [
      { ...plain, name: "id", type: "integer", identity: true },
      { ...plain, name: "made", type: "bigint", identity: true, numbered: "always" },
      {
        ...plain,
        name: "backend",
        type: "character varying(20)",
        notNull: false,
        default: "'local'::character varying",
      },
      { ...plain, name: "at", type: "timestamp without time zone", default: "now()" },
      { ...plain, name: "rank", type: "integer", default: "'-1'::integer" },
      { ...plain, name: "on", type: "boolean", default: "true" },
    ],
    primaryKey: ["id"],
    foreignKeys: [{
      name: "files_made_fkey",
      columns: ["made"],
      table: "users",
      references: ["id"],
      onDelete: "no action",
      onUpdate: "no action",
      valid: true,
    }],
    indexes: [{
      name: "ix",
      columns: ["backend", "lower(backend)"],
      unique: true,
      where: "rank > 0",
      valid: true,
    }],
    uniques: [{ name: "u", columns: ["at"] }],
    checks: [{ name: "c", expression: "rank > 0", valid: true }],
  }]);
});

test("normalizeDrizzleSnapshot() keeps the capitals of a project's own type, also of one whose enum is not exported", () => {
  const mood = { name: "mood", type: "MoodOf", typeSchema: "public", primaryKey: false, notNull: false };
  const size = { name: "size", type: "INTEGER", primaryKey: false, notNull: false };
  const table = { name: "t", schema: "", columns: { mood, size }, indexes: {}, foreignKeys: {} };
  const [own] = read(postgresql({ "public.t": table })).tables;
  assert.deepEqual(own?.columns.map(({ type }) => type), ['"MoodOf"', "integer"]);
});

test("normalizeDrizzleSnapshot() reads a key of two columns, which no database makes", () => {
  const part = (name: string) => ({ name, type: "INTEGER", primaryKey: false, notNull: true });
  const [table] = read(sqlite(sqliteTable("t", {
    columns: { a: part("a"), b: part("b") },
    compositePrimaryKeys: { k: { name: "k", columns: ["b", "a"] } },
  }))).tables;
  assert.deepEqual(table?.primaryKey, ["b", "a"]);
  assert.deepEqual(table?.columns.map((column) => column.identity), [false, false]);
});

test("readKitSnapshot() keeps what has the name of something that all objects have", () => {
  const columns = Object.fromEntries(
    ["__proto__", "constructor", "prototype"].map((name) => [name, { ...id, name, primaryKey: false }]),
  );
  const [table] = read(sqlite(sqliteTable("t", { columns }))).tables;
  assert.deepEqual(table?.columns.map(({ name }) => name), ["__proto__", "constructor", "prototype"]);
  assert.deepEqual(Object.keys({}), []);
});

test("readKitSnapshot() gives tables the sections that an old snapshot lacks", () => {
  const json = sqlite({ t: { name: "t", columns: { id }, more: 1 } });
  const [table] = Object.values(readKitSnapshot({ path: "s.json", json }).tables);
  const empty = {
    indexes: {},
    foreignKeys: {},
    compositePrimaryKeys: {},
    uniqueConstraints: {},
    checkConstraints: {},
  };
  assert.deepEqual(table, { name: "t", columns: { id }, more: 1, ...empty });
});

test("normalizeDrizzleSnapshot() lets SQLite make the values of INTEGER keys only", () => {
  const key = { ...id, type: "INT" };
  const [table] = read(sqlite(sqliteTable("t", { columns: { id: key } }))).tables;
  assert.equal(table?.columns[0]?.identity, false);
});

test("normalizeDrizzleSnapshot() passes over the default of a key that SQLite makes", () => {
  const [table] = read(sqlite(sqliteTable("t", { columns: { id: { ...id, default: 1 } } }))).tables;
  assert.equal(table?.columns[0]?.default, null);
});

const broken: readonly (readonly [rule: string, json: unknown, message: RegExp])[] = [
  ["null", null, /it is no object/],
  ["a list", [], /dialect is missing/],
  [
    "another dialect",
    { version: "5", dialect: "mysql", tables: {} },
    /dialect is none of sqlite, postgresql/,
  ],
  ["another version", { version: "9", dialect: "sqlite", tables: {} }, /version is 9, not 6/],
  ["no tables", { version: "6", dialect: "sqlite" }, /tables is missing/],
  ["a table that is no object", sqlite({ files: 1 }), /tables\.files is no object/],
  ["a table without a name", sqlite({ files: { columns: {} } }), /tables\.files\.name is missing/],
  [
    "a column without a type",
    sqlite(sqliteTable("t", { columns: { a: { name: "a" } } })),
    /"meta\/1_snapshot\.json": tables\.t\.columns\.a\.type is missing/,
  ],
  [
    "an index without columns",
    sqlite(sqliteTable("t", { indexes: { i: { name: "i" } } })),
    /tables\.t\.indexes\.i\.columns is missing/,
  ],
  [
    "a column that is NOT NULL in words",
    sqlite(sqliteTable("t", { columns: { a: { ...id, notNull: "yes" } } })),
    /tables\.t\.columns\.a\.notNull is neither true nor false/,
  ],
  [
    "a key of things that are no names",
    sqlite(sqliteTable("t", { compositePrimaryKeys: { k: { name: "k", columns: [1] } } })),
    /tables\.t\.compositePrimaryKeys\.k\.columns\.0 is no text/,
  ],
  ["no id", { version: "6", dialect: "sqlite", tables: {} }, /: id is missing/],
  ["tables in a list", sqlite([]), /tables is no object/],
  [
    "sections that are no object",
    sqlite(sqliteTable("t", { columns: null })),
    /tables\.t\.columns is no object/,
  ],
  [
    "a default that is no value",
    sqlite(sqliteTable("t", { columns: { a: { ...id, default: { toString: 1 } } } })),
    /tables\.t\.columns\.a\.default is no value/,
  ],
  [
    "something in a column with a dangerous name",
    sqlite(sqliteTable("t", { columns: JSON.parse(`{"__proto__": 1, "constructor": 2}`) })),
    /tables\.t\.columns\.__proto__ is no object/,
  ],
  [
    "an index on nothing that has a name",
    sqlite(sqliteTable("t", { indexes: { i: { name: "i", columns: [[["id"]]], isUnique: true } } })),
    /tables\.t\.indexes\.i\.columns\.0 is no column/,
  ],
];
for (const [rule, json, message] of broken) {
  test(`normalizeDrizzleSnapshot() refuses ${rule}`, () => {
    assert.throws(() => read(json), (error) => {
      assert(error instanceof HarborError);
      assert.equal(error.code, "bad_history");
      assert.match(error.message, message);
      return true;
    });
  });
}
