import { quoteText } from "../../src/sql/quote.ts";
import { copiedTables } from "../../src/migrate/preflight/rules/copied_tables.ts";
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { completeSqliteBridge } from "../../src/adopt/rules/bridge_sqlite.ts";
import { guardedTable, guardWord, guardWords } from "../../src/adopt/rules/bridge_statement.ts";
import type { DecidedFill } from "../../src/author/rules/change/stages.ts";
import type { Table } from "../../src/schema/snapshot.ts";
import { check, column, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

/** The statements by which drizzle-kit copies a table of these columns. */
const copyOf = (name: string, columns: readonly string[], values: readonly string[] = columns) => [
  `CREATE TABLE \`__new_${name}\` (\n\t${columns.map((each) => `"${each}"`).join(",\n\t")}\n);\n`,
  `INSERT INTO \`__new_${name}\`(${columns.join(", ")}) SELECT ${values.join(", ")} FROM \`${name}\`;`,
  `DROP TABLE \`${name}\`;`,
  `ALTER TABLE \`__new_${name}\` RENAME TO \`${name}\`;`,
];

function bridge(
  statements: readonly string[],
  live: Table,
  { target = live, fills = [] }: { readonly target?: Table; readonly fills?: readonly DecidedFill[] } = {},
) {
  return completeSqliteBridge(statements, {
    live: snapshot("sqlite", [live]),
    target: snapshot("sqlite", [target]),
    fills,
  });
}

const t = tableOf("t", [column("c")]);

test("copiedTables() names each table whose rows are copied", () => {
  const statements = ["ALTER TABLE `t` ADD `c` text;", ...copyOf("t", ["id"]), ...copyOf("u", ["id"])];
  assert.deepEqual(copiedTables(statements), ["t", "u"]);
});

test("completeSqliteBridge() leaves other statements as they are, without their semicolons", () => {
  assert.deepEqual(bridge(["ALTER TABLE `t` ADD `d` text;", "DROP INDEX `ix`;"], t), [
    { sql: "ALTER TABLE `t` ADD `d` text", isGuard: false },
    { sql: "DROP INDEX `ix`", isGuard: false },
  ]);
});

test("completeSqliteBridge() leaves a new table alone", () => {
  assert.equal(bridge(["CREATE TABLE `u` (`id` integer);"], t).length, 1);
});

test("completeSqliteBridge() looks at a copy before its original goes", () => {
  const kinds = bridge(copyOf("t", ["id", "c"]), t).map(({ sql, isGuard }) =>
    isGuard ? "guard" : sql.split(" ")[0]
  );
  assert.deepEqual(kinds, ["CREATE", "INSERT", "guard", "DROP", "ALTER"]);
});

// One row a rule: what the live table has that drizzle-kit leaves out, and what is added to the copy.
const constraints:
  readonly (readonly [rule: string, live: Partial<Table>, target: Partial<Table>, added: string])[] = [
    ["adds nothing to a plain table", {}, {}, ""],
    ["keeps UNIQUE", { uniques: [{ name: null, columns: ["id", 'a"b'] }] }, {}, `,\n\tUNIQUE("id", "a""b")`],
    ["keeps a check without a name", { checks: [check(null, "c <> '$&'")] }, {}, ",\n\tCHECK(c <> '$&')"],
    ["leaves a check with a name to drizzle-kit", { checks: [check("k", "c > 1")] }, {}, ""],
    ["leaves a check that the revision has", { checks: [check(null, "(c > 1)")] }, {
      checks: [check("k", "c > 1")],
    }, ""],
  ];
for (const [rule, live, target, added] of constraints) {
  test(`completeSqliteBridge() ${rule}`, () => {
    const [create] = bridge(copyOf("t", ["id", "c"]), { ...t, ...live }, { target: { ...t, ...target } });
    assert.equal(create!.sql, `CREATE TABLE \`__new_t\` (\n\t"id",\n\t"c"${added}\n)`);
  });
}

/** Copies a table of one live row by a bridge, and says how that ended. */
function copyRow(
  row: string,
  copied: string,
  options: Parameters<typeof bridge>[2] = {},
): string {
  const database = new DatabaseSync(":memory:");
  database.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES ${row}`);
  try {
    for (const { sql } of bridge(copyOf("t", ["id", "c"], ["id", copied]), t, options)) database.exec(sql);
    return "done";
  } catch (error) {
    return guardedTable((error as Error).message) === "t" ? "stopped" : String(error);
  }
}

const filled = { fills: [{ table: "t", column: "c", value: "'x'", existed: true }] };

// One row a rule: the live row, what is copied into `c`, and whether that goes through.
const copies = [
  ["lets values through that stay the same", "(1, 'a'), (2, NULL), (3, x'00')", "c", {}, "done"],
  ["stops a value that changes", "(1, 'a')", "'b'", {}, "stopped"],
  ["stops a value that becomes NULL", "(1, 'a')", "NULL", {}, "stopped"],
  ["stops a NULL that gets a value", "(1, NULL)", "'x'", {}, "stopped"],
  ["lets a NULL get the value that was decided", "(1, NULL), (2, 'a')", "coalesce(c, 'x')", filled, "done"],
  ["stops a fill that writes over a value", "(1, 'a')", "'x'", filled, "stopped"],
  ["stops a number that becomes a text", "(1, 7)", "CAST(c AS TEXT)", {}, "stopped"],
  ["stops a number that becomes a float", "(1, 7)", "CAST(c AS REAL)", {}, "stopped"],
] as const;
for (const [rule, row, copied, options, expected] of copies) {
  test(`completeSqliteBridge() ${rule}`, () => assert.equal(copyRow(row, copied, options), expected));
}

test("completeSqliteBridge() stops a copy that loses or gains rows", () => {
  for (const insert of ["WHERE id < 2", "UNION ALL SELECT 9, 'z'"]) {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    const [create, , ...rest] = copyOf("t", ["id", "c"]);
    const statements = [
      create!,
      `INSERT INTO \`__new_t\`(id, c) SELECT id, c FROM \`t\` ${insert};`,
      ...rest,
    ];
    assert.throws(
      () => bridge(statements, t).forEach(({ sql }) => database.exec(sql)),
      new RegExp(guardWord),
      insert,
    );
  }
});

for (const name of ["Größe", 'o\'ld "t"', "a\\b\n.c%d", "__new_"]) {
  test(`guardedTable() reads the name of ${JSON.stringify(name)} out of SQLite's error`, () => {
    const database = new DatabaseSync(":memory:");
    const failing = `SELECT json_extract('{}', ${quoteText(guardWords(name))})`;
    assert.throws(
      () => database.prepare(failing).get(),
      (error: Error) => guardedTable(error.message) === name,
    );
    database.close();
  });
}

test("completeSqliteBridge() numbers on where AUTOINCREMENT had come to", () => {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, c); INSERT INTO t VALUES (7, 'a')");
  database.exec("DELETE FROM t");
  const [, ...rest] = copyOf("t", ["id", "c"]);
  const create = "CREATE TABLE `__new_t` (\n\t`id` integer PRIMARY KEY AUTOINCREMENT,\n\t`c` text\n);";
  for (const { sql } of bridge([create, ...rest], { ...t, peculiarities: ["AUTOINCREMENT"] })) {
    database.exec(sql);
  }
  database.exec("INSERT INTO t (c) VALUES ('b')");
  assert.deepEqual({ ...database.prepare("SELECT id FROM t").get() }, { id: 8 });
});
