import type { Statement } from "../../src/history/scripts/statement.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HarborError } from "../../src/base/errors.ts";
import { breakpoint, parseScript } from "../../src/history/scripts/script.ts";
import { seeded } from "../support/seeded.ts";

const read = (text: string, dialect: Dialect = "postgresql") =>
  parseScript({ file: "x.sql", dialect, text }).statements;

// One row a rule: the statement with its directives, and what becomes of it.
const runs: readonly (readonly [rule: string, text: string, expected: Partial<Statement>])[] = [
  ["runs a statement in a transaction", "SELECT 1;", {
    sql: "SELECT 1",
    run: { kind: "transaction" },
    allowed: [],
  }],
  ["takes blanks in a directive", "--   harbor:alone  \nVACUUM", {
    run: { kind: "alone", makesIndex: null },
  }],
  [
    "finds the index that a statement makes",
    '-- harbor:alone\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "i x" ON t (c)',
    { run: { kind: "alone", makesIndex: "i x" } },
  ],
  ["knows that an ordinary index leaves nothing behind", "-- harbor:alone\nCREATE INDEX i ON t (c)", {
    run: { kind: "alone", makesIndex: null },
  }],
  ["knows that dropping one makes none", "-- harbor:concurrently\nDROP INDEX i", {
    sql: "DROP INDEX CONCURRENTLY i",
    run: { kind: "alone", makesIndex: null },
  }],
  ["makes an index statement concurrent", "-- harbor:concurrently\nCREATE INDEX i ON t (c)", {
    sql: "CREATE INDEX CONCURRENTLY i ON t (c)",
    run: { kind: "alone", makesIndex: "i" },
  }],
  ["takes accepted hazards beside another directive", "-- harbor:allow a why not\n-- harbor:alone\nVACUUM", {
    allowed: ["a"],
    run: { kind: "alone", makesIndex: null },
  }],
  [
    "cuts a backfill at its own WHERE",
    "-- harbor:backfill key=id table=t\nUPDATE t SET c = (SELECT 1 FROM u WHERE 2) WHERE c = ')';",
    {
      run: {
        kind: "backfill",
        table: "t",
        key: "id",
        update: "UPDATE t SET c = (SELECT 1 FROM u WHERE 2)",
        condition: "c = ')'",
      },
    },
  ],
  [
    "takes FROM and ORDER in a condition's subquery",
    "-- harbor:backfill table=t key=id\nUPDATE t SET c = 1 WHERE d IN (SELECT e FROM u ORDER BY e LIMIT 1)",
    {
      run: {
        kind: "backfill",
        table: "t",
        key: "id",
        update: "UPDATE t SET c = 1",
        condition: "d IN (SELECT e FROM u ORDER BY e LIMIT 1)",
      },
    },
  ],
  [
    "takes IS DISTINCT FROM in a condition",
    "-- harbor:backfill table=t key=id\nUPDATE t SET c = 1 WHERE c IS DISTINCT FROM 1",
    {
      run: {
        kind: "backfill",
        table: "t",
        key: "id",
        update: "UPDATE t SET c = 1",
        condition: "c IS DISTINCT FROM 1",
      },
    },
  ],
  [
    "cuts a deletion at its WHERE",
    '-- harbor:batches table=t key=id\nDELETE FROM "t" WHERE c IN (SELECT 1 FROM u LIMIT 1)',
    {
      run: {
        kind: "backfill",
        table: "t",
        key: "id",
        update: 'DELETE FROM "t"',
        condition: "c IN (SELECT 1 FROM u LIMIT 1)",
        deletes: true,
      },
    },
  ],
  ["knows a quoted table", '-- harbor:backfill table=t key=id\nUPDATE "t" SET c = 1', {
    run: { kind: "backfill", table: "t", key: "id", update: 'UPDATE "t" SET c = 1', condition: null },
  }],
];
for (const [rule, text, expected] of runs) {
  test(`a directive ${rule}`, () => {
    const [statement] = read(text);
    assert.deepEqual({ ...statement, ...expected }, statement);
  });
}

// One row a mistake: the text, what the message says, and the line of the directive.
const mistakes: readonly (readonly [what: string, text: string, state: RegExp, line: number])[] = [
  ["a word that is not known", "\n-- harbor:later\nSELECT 1", /"harbor:later" is not known/, 2],
  ["no word", "-- harbor:\nSELECT 1", /"harbor:" is not known/, 1],
  ["a word of another spelling", "-- harbor:Alone\nVACUUM", /"harbor:Alone" is not known/, 1],
  [
    "two ways to run",
    "-- harbor:alone\n-- harbor:concurrently\nCREATE INDEX i ON t (c)",
    /exclude each other/,
    2,
  ],
  ["a hazard alone", "-- harbor:allow long_lock\nSELECT 1", /a hazard and a reason/, 1],
  [
    "a parameter without a value",
    "-- harbor:backfill table= key=id\nUPDATE t SET c = 1",
    /does not take "table="/,
    1,
  ],
  [
    "a parameter that is not known",
    "-- harbor:backfill table=t key=id batch=5\nUPDATE t SET c = 1",
    /"batch=5"/,
    1,
  ],
  ["a backfill without a table", "-- harbor:backfill key=id\nUPDATE t SET c = 1", /needs table= and key=/, 1],
  ...[
    ["without a condition", "DELETE FROM t", /needs a statement of the form DELETE FROM "t" WHERE …/],
    ["of another table", "DELETE FROM u WHERE TRUE", /needs a statement of the form/],
    ["with an alias", "DELETE FROM t AS x WHERE TRUE", /needs a statement of the form/],
    ["that joins", "DELETE FROM t USING u WHERE TRUE", /needs a statement of the form/],
    ["that is none", "UPDATE t SET c = 1 WHERE TRUE", /needs a statement of the form/],
    ["that returns", "DELETE FROM t WHERE TRUE RETURNING id", /with RETURNING cannot be cut/],
  ].map(([what, statement, message]) =>
    [`a deletion ${what}`, `-- harbor:batches table=t key=id\n${statement}`, message as RegExp, 1] as const
  ),
  [
    "a backfill of another table",
    "-- harbor:backfill table=t key=id\nUPDATE u SET c = 1",
    /of the form UPDATE "t" SET/,
    1,
  ],
  [
    "a backfill with an alias",
    "-- harbor:backfill table=t key=id\nUPDATE t AS x SET c = 1",
    /of the form UPDATE "t" SET/,
    1,
  ],
  [
    "a backfill in a schema",
    "-- harbor:backfill table=t key=id\nUPDATE s.t SET c = 1",
    /of the form UPDATE "t" SET/,
    1,
  ],
  [
    "a backfill behind WITH",
    "-- harbor:backfill table=t key=id\nWITH x AS (SELECT 1) UPDATE t SET c = 1",
    /of the form/,
    1,
  ],
  [
    "a backfill that joins",
    "-- harbor:backfill table=t key=id\nUPDATE t SET c = 1 FROM u",
    /FROM cannot be cut/,
    1,
  ],
  [
    "a backfill that moves its key",
    '-- harbor:backfill table=t key=id\nUPDATE t SET c = 1, (d, "id") = (SELECT 1, 2)',
    /changes "id", its key, cannot be cut into batches/,
    1,
  ],
  [
    "a backfill in an order",
    "-- harbor:backfill table=t key=id\nUPDATE t SET c = 1 ORDER BY id",
    /ORDER cannot be cut/,
    1,
  ],
  [
    "a backfill with a limit",
    "-- harbor:backfill table=t key=id\nUPDATE t SET c = 1 WHERE d LIMIT 5",
    /LIMIT cannot be cut/,
    1,
  ],
  [
    "a table made concurrently",
    "-- harbor:concurrently\nCREATE TABLE t (c int)",
    /needs a CREATE INDEX or DROP INDEX/,
    1,
  ],
  [
    "an index altered concurrently",
    "-- harbor:concurrently\nALTER INDEX i RENAME TO j",
    /needs a CREATE INDEX/,
    1,
  ],
  ["a directive below its statement", "SELECT 1\n-- harbor:alone\n;", /stands above no statement/, 2],
  ["a directive above nothing", `SELECT 1;${breakpoint}\n-- harbor:alone\n`, /stands above no statement/, 2],
];
for (const [what, text, state, line] of mistakes) {
  test(`a directive refuses ${what}`, () => {
    assert.throws(() => read(text), (error: HarborError) => {
      assert.equal(error.code, "bad_script");
      assert.match(error.message, state);
      assert.equal(error.details["line"], line);
      return error.message.startsWith(`Cannot read "x.sql:${line}": `);
    });
  });
}

test("a directive inside a block comment, a string or a longer comment is none", () => {
  for (
    const text of [
      "/* -- harbor:later */ SELECT 1",
      "SELECT '\n-- harbor:later\n'",
      "-- see harbor:later\nSELECT 1",
    ]
  ) {
    assert.deepEqual(read(text)[0]?.run, { kind: "transaction" }, text);
  }
});

test("a script gives back the statements that it was written of", () => {
  const random = seeded(1);
  const parts = [
    "SELECT",
    " ",
    "\n",
    "'a;b'",
    "'--'",
    '"c;"',
    "(",
    ")",
    ",",
    "/* ; */",
    "x",
    "1",
    "-- note\n",
    "= ",
  ];
  for (let round = 0; round < 1_500; round++) {
    const statements = random.some(5, () => ({
      above: random.oneOf([
        "",
        "-- A remark; with ' a quote\n",
        "-- harbor:alone\n",
        "-- harbor:allow x because\n",
      ]),
      sql: `SELECT${random.some(8, () => random.oneOf(parts)).join("")} z`,
      end: random.oneOf([";", "", " ;\n", "; -- done"]),
    }));
    const text = statements.map(({ above, sql, end }) => `${above}${sql}${end}`).join(`\n${breakpoint}\n`);
    for (const dialect of ["sqlite", "postgresql"] as const) {
      const found = read(text, dialect);
      assert.deepEqual(found.map(({ sql }) => sql), statements.map(({ sql }) => sql), text);
      const lines = text.split("\n");
      for (const [at, { line, run, allowed }] of found.entries()) {
        assert.ok(lines[line - 1]!.startsWith("SELECT"), `${line} of ${text}`);
        assert.equal(run.kind === "alone", statements[at]!.above.includes("alone"));
        assert.deepEqual(allowed, statements[at]!.above.includes("allow") ? ["x"] : []);
      }
    }
  }
});
