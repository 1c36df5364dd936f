import assert from "node:assert/strict";
import { test } from "node:test";
import {
  emptied,
  isFilled,
  keepsBytes,
  locking,
  newlyRequired,
  rewriting,
  takenAway,
} from "../../src/author/check/rules/hazard_conditions.ts";
import type { Operation } from "../../src/sql/operations/operation.ts";
import type { Column, Table } from "../../src/schema/snapshot.ts";
import { check, column, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

type Where = Parameters<typeof locking>[1];
type Read = Where["script"][number];

/** A statement that does one thing, in a transaction of the given number. */
function statement(phase: number, ...operations: readonly Operation[]): Read {
  return {
    statement: { sql: "", line: phase, allowed: [], run: { kind: "transaction" } },
    operations,
    phase,
  };
}

/** Where an operation stands: on a table `t` that has rows, last in its script. */
function place(
  operation: Operation,
  { version = 15, before = {}, after, earlier = [], phase = 1 }: {
    readonly version?: number;
    readonly before?: Partial<Table>;
    readonly after?: readonly Column[];
    readonly earlier?: readonly Read[];
    readonly phase?: number;
  } = {},
): Where {
  const own = statement(phase, operation);
  const table = tableOf("t", [column("c", { type: "character varying(20)" })], before);
  return {
    dialect: "postgresql",
    version,
    name: "Change",
    statement: own,
    script: [...earlier, own],
    before: snapshot("postgresql", [table]),
    after: snapshot("postgresql", [after === undefined ? table : tableOf("t", after)]),
  };
}

// Types, and whether the bytes of the one are good for the other.
const types: readonly (readonly [from: string, to: string, keeps: boolean])[] = [
  ["text", "text", true],
  ["varchar(20)", "character varying(20)", true],
  ["varchar(20)", "varchar(50)", true],
  ["varchar(50)", "varchar(20)", false],
  ["varchar(20)", "text", true],
  ["varchar(20)", "varchar", true],
  ["varchar", "varchar(20)", false],
  ["text", "varchar(20)", false],
  ["text", "varchar", true],
  ["char(3)", "char(5)", false],
  ["integer", "bigint", false],
  ["numeric(10,2)", "numeric(12,2)", true],
  ["numeric(10,2)", "numeric(12,3)", false],
  ["numeric(12,2)", "numeric(10,2)", false],
  ["numeric(10,2)", "numeric", true],
  ["numeric", "numeric(10,2)", false],
  ["numeric(10)", "numeric(12,0)", true],
  ["bit varying(5)", "bit varying(7)", true],
  ["timestamp(3)", "timestamp(6)", true],
  ["timestamp(6)", "timestamp(3)", false],
  ["timestamp", "timestamptz", false],
  ["text", "integer", false],
];
for (const [from, to, keeps] of types) {
  test(`keepsBytes() says that ${from} ${keeps ? "is" : "is not"} good for ${to}`, () => {
    assert.equal(keepsBytes(from, to), keeps);
  });
}

const add = (facts: Partial<Extract<Operation, { kind: "add column" }>>): Operation => ({
  kind: "add column",
  table: "t",
  column: "n",
  notNull: false,
  value: "none",
  ...facts,
});
const retype = (type: string, isComputed = false): Operation => ({
  kind: "change type",
  table: "t",
  column: "c",
  type,
  isComputed,
});
const constraint = (facts: Partial<Extract<Operation, { kind: "add constraint" }>> = {}): Operation => ({
  kind: "add constraint",
  table: "t",
  name: "k",
  constraint: "check",
  isNotValid: true,
  usesIndex: false,
  notNullOf: null,
  ...facts,
});
const notNull: Operation = { kind: "set not null", table: "t", column: "c" };
const validate: Operation = { kind: "validate constraint", table: "t", name: "k" };

// One row a rule: the operation, where it stands, and whether it writes the table anew.
const rewrites: readonly (readonly [
  rule: string,
  operation: Operation,
  options: Parameters<typeof place>[1],
  expected: RegExp | null,
])[] = [
  ["a column without a value", add({}), {}, null],
  ["a column with one value for all", add({ value: "one for all" }), {}, null],
  [
    "a column with one value for all, before PostgreSQL 11",
    add({ value: "one for all" }),
    { version: 10 },
    /adds n/,
  ],
  ["a column with a value a row", add({ value: "each row" }), {}, /adds n with a value/],
  ["a column of a new table", add({ table: "new", value: "each row" }), {}, null],
  ["a type that keeps the bytes", retype("text"), {}, null],
  ["a type that does not", retype("integer"), {}, /changes c from character varying\(20\) to integer/],
  ["a type that is worked out", retype("text", true), {}, /changes c/],
  [
    "a type of the same name, as an enum type that is made anew has",
    retype("character varying(20)", true),
    {},
    /converts every value of c to character varying\(20\) anew/,
  ],
  [
    "a type of a column that is not known",
    { ...retype("text"), column: "x" } as Operation,
    {},
    /from its type to text/,
  ],
  ["CLUSTER", { kind: "rewrite table", table: "t", by: "CLUSTER" }, {}, /runs CLUSTER/],
  [
    "an index",
    { kind: "create index", table: "t", index: "i", isUnique: false, isConcurrent: false },
    {},
    null,
  ],
  ["what has no table", { kind: "hidden", what: "a DO block" }, {}, null],
];
for (const [what, operation, options, expected] of rewrites) {
  test(`rewriting() ${expected === null ? "passes over" : "names"} ${what}`, () => {
    const found = rewriting(operation, place(operation, options));
    if (expected === null) assert.equal(found, null);
    else assert.match(found ?? "", expected);
  });
}

const guard = constraint({ notNullOf: "c" });

// One row a rule: the operation, where it stands, and whether it keeps others off for long.
const locks: readonly (readonly [
  rule: string,
  operation: Operation,
  options: Parameters<typeof place>[1],
  isLong: boolean,
])[] = [
  ["NOT NULL that reads the table", notNull, {}, true],
  ["NOT NULL behind a guard that holds", notNull, {
    earlier: [statement(1, guard), statement(2, validate)],
  }, false],
  ["NOT NULL behind a guard that was looked at at once", notNull, {
    earlier: [statement(1, { ...guard, isNotValid: false } as Operation)],
  }, false],
  ["NOT NULL behind a guard that was not looked at", notNull, { earlier: [statement(1, guard)] }, true],
  ["NOT NULL before its guard is validated", notNull, {
    earlier: [statement(1, guard), statement(1, { ...validate, name: "other" } as Operation)],
  }, true],
  ["NOT NULL behind a guard of another column", notNull, {
    earlier: [statement(1, constraint({ notNullOf: "d" })), statement(2, validate)],
  }, true],
  ["NOT NULL behind a guard of another table", notNull, {
    earlier: [statement(1, constraint({ notNullOf: "c", table: "u" })), statement(2, validate)],
  }, true],
  ["NOT NULL behind a guard, before PostgreSQL 12", notNull, {
    version: 11,
    earlier: [statement(1, guard), statement(2, validate)],
  }, true],
  ["NOT NULL of a column that a check guards already", notNull, {
    before: { checks: [check("k", "((c IS NOT NULL))")] },
  }, false],
  [
    "NOT NULL of a column beyond ASCII that a check guards already",
    { ...notNull, column: "größe" } as Operation,
    {
      before: { checks: [check("k", `("größe" IS NOT NULL)`)] },
    },
    false,
  ],
  ["NOT NULL of a column that a check guards that is not valid", notNull, {
    before: { checks: [check("k", "c IS NOT NULL", false)] },
  }, true],
  ["NOT NULL of a column that a check guards among others", notNull, {
    before: { checks: [check("k", "c IS NOT NULL OR id > 1")] },
  }, true],
  ["NOT NULL in a new table", { ...notNull, table: "new" } as Operation, {}, false],
  [
    "VALIDATE in ADD CONSTRAINT's own transaction",
    validate,
    { earlier: [statement(1, constraint())] },
    true,
  ],
  [
    "VALIDATE in a transaction of its own",
    validate,
    { earlier: [statement(1, constraint())], phase: 2 },
    false,
  ],
  ["VALIDATE of an old constraint", validate, {}, false],
  ["a unique constraint that builds its index", constraint({ constraint: "unique" }), {}, true],
  ["a primary key that builds its index", constraint({ constraint: "primary key" }), {}, true],
  ["an exclusion that builds its index", constraint({ constraint: "exclusion" }), {}, true],
  [
    "a unique constraint with an index that is there",
    constraint({ constraint: "unique", usesIndex: true }),
    {},
    false,
  ],
  ["a check", constraint(), {}, false],
  ["LOCK TABLE", { kind: "lock table", table: "t", by: "LOCK TABLE" }, {}, true],
  ["DROP COLUMN", { kind: "drop column", table: "t", column: "c" }, {}, false],
];
for (const [what, operation, options, isLong] of locks) {
  test(`locking() ${isLong ? "names" : "passes over"} ${what}`, () => {
    assert.equal(locking(operation, place(operation, options)) !== null, isLong);
  });
}

const rename = (from: string, to: string): Operation => ({
  kind: "rename column",
  table: "t",
  column: from,
  to,
});
const rebuild: Operation = { kind: "rebuild table", table: "t" };

// One row a rule: the operation, where it stands, what is taken away, and whether that is so without renames.
const gone: readonly (readonly [Operation, Parameters<typeof place>[1], string | null, string | null])[] = [
  [{ kind: "drop table", table: "t" }, {}, "drops t", "drops t"],
  [{ kind: "drop table", table: "new" }, {}, null, null],
  [{ kind: "drop column", table: "t", column: "c" }, {}, "drops t.c", "drops t.c"],
  ...[1, 2].map((phase) => {
    const added = { kind: "add column", table: "t", column: "c", notNull: false, value: "each row" } as const;
    const made = column("c", { default: "GENERATED ALWAYS AS (d + 1) STORED" });
    const said = phase === 1 ? null : "drops t.c";
    const drop = { kind: "drop column", table: "t", column: "c" } as const;
    return [drop, { before: { columns: [made] }, earlier: [statement(phase, added)] }, said, said] as const;
  }),
  [{ kind: "rename table", table: "t", to: "u" }, {}, "calls t u", null],
  [rename("c", "d"), {}, "calls t.c d", null],
  [rebuild, { after: [column("c")] }, null, null],
  [rebuild, { after: [] }, "drops t.c", "drops t.c"],
  [rebuild, { after: [column("d")], earlier: [statement(1, rename("c", "d"))] }, null, null],
  [
    rebuild,
    { after: [column("d")], earlier: [statement(1, { ...rename("c", "d"), table: "u" } as Operation)] },
    "drops t.c",
    "drops t.c",
  ],
  [{ kind: "update", table: "t" }, {}, null, null],
];
for (const [operation, options, expected, withoutRenames] of gone) {
  const { kind } = operation;
  test(`takenAway() finds ${expected ?? "nothing"} in ${kind} ${JSON.stringify(options?.after?.map(({ name }) => name) ?? "")}`, () => {
    const where = place(operation, options);
    assert.deepEqual([takenAway(operation, where), takenAway(operation, where, false)], [
      expected,
      withoutRenames,
    ]);
  });
}

test("emptied() names rows that go, in any table", () => {
  const of = (kind: "delete" | "truncate" | "update") => emptied({ kind, table: "t" });
  assert.deepEqual([of("delete"), of("truncate"), of("update")], [
    "deletes rows of t",
    "deletes rows of t",
    null,
  ]);
});

const required = (facts: Partial<Column> = {}) => column("c", { notNull: true, ...facts });

// One row a rule: the operation, where it stands, and the columns that have to be given from now on.
const demanded:
  readonly (readonly [rule: string, Operation, Parameters<typeof place>[1], readonly string[]])[] = [
    ["NOT NULL without a default", notNull, { after: [required()] }, ["t.c"]],
    ["NOT NULL with one", notNull, { after: [required({ default: "'x'" })] }, []],
    ["NOT NULL of what the database makes", notNull, { after: [required({ identity: true })] }, []],
    ["a new column that is NOT NULL", add({ column: "n", notNull: true }), {
      after: [column("n", { notNull: true })],
    }, ["t.n"]],
    ["a new column whose default is taken back", add({ column: "n", notNull: true, value: "one for all" }), {
      after: [column("n", { notNull: true })],
    }, ["t.n"]],
    ["a new column that keeps its default", add({ column: "n", notNull: true }), {
      after: [column("n", { default: "1" })],
    }, []],
    ["a new column that may be NULL", add({}), { after: [column("n")] }, []],
    ["a column of a new table", add({ table: "new", notNull: true }), {}, []],
    ["a rebuild that makes NOT NULL", rebuild, { after: [required()] }, ["t.c"]],
    ["a rebuild with a new column that is NOT NULL", rebuild, {
      after: [column("c"), column("n", { notNull: true })],
    }, ["t.n"]],
    ["a rebuild of what was NOT NULL before", rebuild, {
      before: { columns: [required()] },
      after: [required()],
    }, []],
    ["a rebuild that changes nothing there", rebuild, { after: [column("c")] }, []],
    [
      "a rebuild of a renamed column",
      rebuild,
      { after: [column("d", { notNull: true })], earlier: [statement(1, rename("c", "d"))] },
      [],
    ],
  ];
for (const [what, operation, options, expected] of demanded) {
  test(`newlyRequired() finds ${expected.join() || "nothing"} in ${what}`, () => {
    assert.deepEqual(newlyRequired(operation, place(operation, options)), expected);
  });
}

test("isFilled() looks at the schema before", () => {
  const where = place(notNull);
  assert.deepEqual([isFilled("t", where), isFilled("u", where)], [true, false]);
});

test("takenAway() passes over a name that a column has for a moment", () => {
  const renames = [rename("c", "c_old"), rename("c_old", "d")];
  assert.deepEqual(renames.map((each) => takenAway(each, place(each))), ["calls t.c c_old", null]);
});
