import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { countStatements, parseScript } from "../../src/history/scripts/script.ts";

function read(text: string, dialect: Dialect = "sqlite") {
  return parseScript({ file: "x.sql", dialect, text }).statements;
}
function failure(text: string, dialect: Dialect = "sqlite"): HarborError {
  try {
    read(text, dialect);
  } catch (error) {
    if (error instanceof HarborError) return error;
    throw error;
  }
  throw new Error(`no error for ${text}`);
}

test("parseScript() splits at breakpoints, at a line's end or on a line of their own", () => {
  const statements = read(
    "CREATE TABLE a (x);--> statement-breakpoint\nCREATE TABLE b (x);\n--> statement-breakpoint\n\nSELECT 1",
  );
  assert.deepEqual(statements.map(({ sql, line }) => [sql, line]), [
    ["CREATE TABLE a (x)", 1],
    ["CREATE TABLE b (x)", 2],
    ["SELECT 1", 5],
  ]);
});

test("parseScript() passes over comments, empty parts and a lone semicolon", () => {
  assert.deepEqual(
    read("-- Nothing\n--> statement-breakpoint\n/* here */ ;\n--> statement-breakpoint\n"),
    [],
  );
});

test("parseScript() reads CRLF as LF and keeps the line numbers", () => {
  assert.deepEqual(read("-- a\r\n\r\nSELECT 1;\r\n").map(({ sql, line }) => [sql, line]), [["SELECT 1", 3]]);
});

// One row a text: dialect, text, statements.
const counts = [
  ["sqlite", "SELECT ';'; ", 1],
  ["sqlite", "SELECT 1; SELECT 2", 2],
  ["sqlite", "SELECT 1;;; -- ; \n/* ; */", 1],
  ["sqlite", `SELECT ";" , [;], \`;\``, 1],
  ["sqlite", "SELECT 'it''s; fine'", 1],
  ["sqlite", "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = 1; DELETE FROM b; END;", 1],
  ["sqlite", "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; END; SELECT 1", 2],
  ["sqlite", "BEGIN; SELECT 1; COMMIT", 3],
  ["postgresql", "SELECT $$a;b$$; SELECT $x$;$$;$x$", 2],
  ["postgresql", "SELECT E'\\';'; SELECT 1", 2],
  ["postgresql", "/* a /* ; */ ; */ SELECT 1", 1],
  ["postgresql", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 1", 2],
  ["postgresql", "SELECT $1; SELECT a$b$c", 2],
  ["sqlite", "", 0],
] as const;
for (const [dialect, text, expected] of counts) {
  test(`countStatements() finds ${expected} in ${dialect} ${JSON.stringify(text)}`, () => {
    assert.equal(countStatements(text, dialect), expected);
  });
}

test("parseScript() reads several statements between two breakpoints, each with its own directives", () => {
  const statements = read(
    "-- one\n-- harbor:allow drop_table it is empty\nSELECT 1;\n\n-- harbor:alone\nSELECT 2; SELECT 3",
  );
  assert.deepEqual(
    statements.map(({ sql, line, allowed, run }) => [sql, line, allowed, run.kind]),
    [
      ["SELECT 1", 3, ["drop_table"], "transaction"],
      ["SELECT 2", 6, [], "alone"],
      ["SELECT 3", 6, [], "transaction"],
    ],
  );
});

for (
  const word of [
    "BEGIN",
    "begin immediate",
    "COMMIT",
    "END TRANSACTION",
    "ROLLBACK",
    "START TRANSACTION",
    "SAVEPOINT a",
  ]
) {
  test(`parseScript() refuses ${word}, which would end what harbor-db began`, () => {
    const error = failure(`SELECT 1;\n${word};\nSELECT 2`);
    assert.equal(error.code, "bad_script");
    assert.match(error.message, /"x\.sql:2": \w+ stands in it/);
  });
}

// One row a script whose words for transactions can be left out: the dialect, its text, the lines of the words.
const wrapped = [
  ["sqlite", "BEGIN;\nSELECT 1;\nSELECT 2;\nCOMMIT", [1, 4]],
  ["postgresql", "-- Name\nstart transaction;\nSELECT 1;SELECT 2;\nEND;", [2, 4]],
  [
    "sqlite",
    "COMMIT TRANSACTION;\nPRAGMA foreign_keys = OFF;\nBEGIN TRANSACTION;\nSELECT 1;\nCOMMIT;\nPRAGMA foreign_keys=ON;\nBEGIN",
    [1, 3, 5, 7],
  ],
  [
    "postgresql",
    "SELECT 1;\nBEGIN TRANSACTION;\nSELECT 2;\nCOMMIT;\nBEGIN;\nCOMMIT;\nSELECT 3",
    [2, 4, 5, 6],
  ],
] as const;
for (const [dialect, text, lines] of wrapped) {
  test(`parseScript() leaves out the words of ${JSON.stringify(text)} (${dialect})`, () => {
    const { statements, leftOut } = parseScript({ file: "x.sql", dialect, text });
    assert.deepEqual(leftOut, lines);
    const selects = statements.filter(({ sql }) => !sql.startsWith("PRAGMA")).map(({ sql }) => sql);
    assert.deepEqual(selects, text.match(/SELECT \d/g));
  });
}

test("parseScript() runs what stands behind a COMMIT of PostgreSQL alone, until a BEGIN", () => {
  const text =
    "SELECT 1;\nCOMMIT;\n-- harbor:allow hidden why\nCALL a();\nCREATE INDEX CONCURRENTLY i ON a (b);\nBEGIN;\nSELECT 2";
  const { statements, leftOut } = parseScript({ file: "x.sql", dialect: "postgresql", text });
  assert.deepEqual(leftOut, [2, 6]);
  assert.deepEqual(statements.map(({ sql, allowed, run }) => [sql.slice(0, 8), allowed.length, run]), [
    ["SELECT 1", 0, { kind: "transaction" }],
    ["CALL a()", 1, { kind: "alone", makesIndex: null }],
    ["CREATE I", 0, { kind: "alone", makesIndex: "i" }],
    ["SELECT 2", 0, { kind: "transaction" }],
  ]);
});

// One row a script in which something may depend on what is committed before it.
const cut = [
  ["sqlite", "BEGIN; SELECT 1; COMMIT; DELETE FROM a"],
  ["sqlite", "SELECT 1; BEGIN; SELECT 1; COMMIT"],
  ["sqlite", "COMMIT; DELETE FROM a"],
  ["postgresql", "SELECT 1; COMMIT"],
  ["sqlite", "BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT"],
  ["sqlite", "COMMIT; VACUUM; BEGIN; SELECT 1; COMMIT; PRAGMA foreign_keys = ON; BEGIN"],
  [
    "sqlite",
    "COMMIT; PRAGMA foreign_keys = OFF; BEGIN; SELECT 1; COMMIT; PRAGMA foreign_keys = ON; BEGIN; DELETE FROM a",
  ],
  ["postgresql", "COMMIT; BEGIN; SELECT 1; COMMIT; BEGIN"],
  ["postgresql", "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT"],
  ["postgresql", "BEGIN; SELECT 1; COMMIT AND CHAIN"],
  ["postgresql", "BEGIN; SAVEPOINT a; COMMIT"],
  ["postgresql", "BEGIN; SELECT 1; COMMIT; COMMIT; SELECT 2"],
  ["postgresql", "BEGIN; SET LOCAL lock_timeout = 1; COMMIT; SELECT 1"],
  ["postgresql", "BEGIN; SET CONSTRAINTS ALL DEFERRED; DELETE FROM a; COMMIT; SELECT 1"],
  ["postgresql", "BEGIN; ALTER TYPE t ADD VALUE 'x'; COMMIT; BEGIN; UPDATE a SET b = 'x'; COMMIT"],
] as const;
for (const [dialect, text] of cut) {
  test(`parseScript() refuses ${JSON.stringify(text)} (${dialect})`, () =>
    assert.match(failure(text, dialect).message, /"x\.sql:1": \w+ stands in it/));
}

// The body of a DO, and the word in it that ends the transaction.
const bodies = [
  ["$$ BEGIN DELETE FROM a; COMMIT; END $$", "COMMIT"],
  ["$a$ BEGIN FOR i IN 1..3 LOOP COMMIT AND CHAIN; END LOOP; END $a$", "COMMIT"],
  ["LANGUAGE plpgsql 'BEGIN IF true THEN rollback ; END IF; END'", "ROLLBACK"],
  ["$$ BEGIN INSERT INTO a VALUES ('; COMMIT;'); /* ; COMMIT; */ UPDATE a SET commit = 1; END $$", null],
  ["$$ BEGIN CREATE TEMP TABLE t (a int) ON COMMIT DROP; END $$", null],
] as const;
for (const [body, word] of bodies) {
  test(`parseScript() ${word === null ? "takes" : `finds the ${word} in`} DO ${body}`, () => {
    const text = `SELECT 1;\nDO ${body}`;
    if (word === null) return void assert.equal(read(text, "postgresql").length, 2);
    const { message, hint } = failure(text, "postgresql");
    assert.equal(
      message,
      `Cannot read "x.sql:2": the DO in it runs ${word}, which ends the transaction that harbor-db began`,
    );
    assert.match(String(hint), /harbor:alone/);
    assert.equal(read(`-- harbor:alone\nDO ${body}`, "postgresql")[0]!.run.kind, "alone");
  });
}

test("parseScript() refuses a directive above a word that is left out", () =>
  assert.match(failure("-- harbor:alone\nBEGIN; SELECT 1; COMMIT").message, /stands above no statement/));

test("parseScript() refuses what does not end, with the line where it began", () => {
  assert.match(
    failure("SELECT 1;\n--> statement-breakpoint\nSELECT 'abc").message,
    /"x\.sql:3": a string does not end/,
  );
  assert.match(failure("/* abc").message, /x\.sql:1.*comment does not end/);
  assert.match(failure("SELECT $a$ $b$", "postgresql").message, /dollar-quoted string does not end/);
});

const backfill = "-- harbor:backfill table=files key=id\n";

test("parseScript() cuts a backfill into its update and its condition", () => {
  const [statement] = read(
    `-- Name\n${backfill}UPDATE "files" SET "a" = (SELECT 1 WHERE 2) WHERE "a" IS NULL OR b IS DISTINCT FROM c;`,
  );
  assert.deepEqual(statement?.run, {
    kind: "backfill",
    table: "files",
    key: "id",
    update: `UPDATE "files" SET "a" = (SELECT 1 WHERE 2)`,
    condition: `"a" IS NULL OR b IS DISTINCT FROM c`,
  });
  assert.equal(statement?.line, 3);
});

test("parseScript() takes a backfill without a condition", () => {
  const [statement] = read(`${backfill}UPDATE files SET a = 1`);
  assert.equal(statement?.run.kind === "backfill" && statement.run.condition, null);
});

// One row a mistake: what is wrong, the text, what the message says.
const mistakes = [
  ["an unknown directive", "-- harbor:frobnicate\nSELECT 1", /"harbor:frobnicate" is not known/],
  ["a directive above nothing", "SELECT 1;\n-- harbor:alone\n", /x\.sql:2.*stands above no statement/],
  [
    "a directive inside a statement",
    "SELECT\n-- harbor:alone\n1; SELECT 2",
    /x\.sql:2.*stands above no statement/,
  ],
  [
    "a backfill without a key",
    "-- harbor:backfill table=files\nUPDATE files SET a = 1",
    /needs table= and key=/,
  ],
  [
    "a backfill with something else",
    "-- harbor:backfill table=files key=id size=5\nUPDATE files SET a = 1",
    /"size=5"/,
  ],
  ["a backfill of another table", `${backfill}UPDATE users SET a = 1`, /UPDATE "files" SET/],
  ["a backfill that is no update", `${backfill}DELETE FROM files`, /UPDATE "files" SET/],
  ["a backfill that joins", `${backfill}UPDATE files SET a = 1 FROM b WHERE c`, /FROM cannot be cut/],
  ["a backfill that returns", `${backfill}UPDATE files SET a = 1 RETURNING id`, /RETURNING cannot be cut/],
  ["two ways to run", `${backfill}-- harbor:alone\nUPDATE files SET a = 1`, /exclude each other/],
  ["a hazard without a reason", "-- harbor:allow rewrite\nSELECT 1", /a hazard and a reason/],
  ["concurrently on SQLite", "-- harbor:concurrently\nCREATE INDEX a ON b (c)", /PostgreSQL only/],
] as const;
for (const [what, text, expected] of mistakes) {
  test(`parseScript() refuses ${what}`, () => {
    const error = failure(text);
    assert.equal(error.code, "bad_script");
    assert.match(error.message, expected);
  });
}

test("parseScript() makes an ordinary index statement concurrent and knows the index", () => {
  const [statement] = read('-- harbor:concurrently\nCREATE UNIQUE INDEX "ix_a" ON "b" ("c");', "postgresql");
  assert.equal(statement?.sql, 'CREATE UNIQUE INDEX CONCURRENTLY "ix_a" ON "b" ("c")');
  assert.deepEqual(statement?.run, { kind: "alone", makesIndex: "ix_a" });
});

test("parseScript() runs a marked statement alone", () => {
  const [vacuum, index] = read(
    "-- harbor:alone\nVACUUM;\n--> statement-breakpoint\n-- harbor:alone\nCREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON a (b)",
    "postgresql",
  );
  assert.deepEqual(vacuum?.run, { kind: "alone", makesIndex: null });
  assert.deepEqual(index?.run, { kind: "alone", makesIndex: "ix" });
});

test("parseScript() collects accepted hazards", () => {
  const [statement] = read(
    "-- harbor:allow table_rewrite it is small\n-- harbor:allow long_lock so am I\nSELECT 1",
  );
  assert.deepEqual(statement?.allowed, ["table_rewrite", "long_lock"]);
});
