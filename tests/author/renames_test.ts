import assert from "node:assert/strict";
import { test } from "node:test";
import type { HarborError } from "../../src/base/errors.ts";
import { refuseImpossibleRenames } from "../../src/author/rules/change/impossible_renames.ts";
import {
  applyRenames,
  type Dropped,
  invertRenames,
  noRenames,
  parseRenames,
  renameCandidates,
  renameFlag,
} from "../../src/author/rules/change/renames.ts";
import { kitCheck, kitColumn, kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

// One row a rule: the flags, and what they mean as `tables | columns`, or what the error says.
const flags: readonly (readonly [rule: string, texts: readonly string[], expected: string | RegExp])[] = [
  ["reads a table", ["users=accounts"], "users>accounts |"],
  ["reads a column", ["users.name=users.full_name"], "| users:name>full_name"],
  [
    "reads both, with blanks around",
    [" users=accounts ", "accounts.a=accounts.b"],
    "users>accounts | accounts:a>b",
  ],
  [
    "reads the column of a table that is renamed by its old name as well, on either side and in any order",
    ["users.a=users.b", "users.c=accounts.d", "accounts.e=users.f", "users=accounts"],
    "users>accounts | accounts:a>b accounts:c>d accounts:e>f",
  ],
  [
    "reads tables that change places by their new names",
    ["a=b", "b=a", "a.x=a.y"],
    "a>b b>a | a:x>y",
  ],
  [
    "refuses two columns of one name, by whichever name of their table",
    ["t.a=t.c", "u.b=u.c", "t=u"],
    /two things to "u\.c"/,
  ],
  ["reads none", [], "|"],
  [
    "refuses a column that moves to another table",
    ["users.name=files.name"],
    /"users\.name=files\.name": it is neither/,
  ],
  ["refuses a column that becomes a table", ["users.name=names"], /neither a table nor a column/],
  ["refuses a table that becomes a column", ["users=users.name"], /neither a table nor a column/],
  ["refuses one name alone", ["users"], /neither a table nor a column/],
  [
    "reads blanks in names, and letters of any language",
    ["us ers=Ä b", "Ä b.ñ 1=Ä b.2"],
    "us ers>Ä b | Ä b:ñ 1>2",
  ],
  ["reads names with dots and more in quotes", ['"a.b"="c=""d"""', 't."a.b"=t." c"'], 'a.b>c="d" | t:a.b> c'],
  ["refuses a name that is empty", ["t.=t.a"], /neither a table nor a column/],
  ["refuses a quote without its end", ['"t=u'], /neither a table nor a column/],
  ["reads a type", ["mood=feeling", "users=accounts"], "users>accounts type mood>feeling |"],
  ["refuses a table and a type of one name", ["users=feeling", "mood=feeling"], /two things to "feeling"/],
  ["refuses two tables of one name", ["a=c", "b=c"], /two things to "c"/],
  ["refuses two columns of one name", ["t.a=t.c", "t.b=t.c"], /two things to "t\.c"/],
  ["takes the same column name in two tables", ["t.a=t.c", "u.a=u.c"], "| t:a>c u:a>c"],
];
for (const [rule, texts, expected] of flags) {
  test(`parseRenames() ${rule}`, () => {
    if (typeof expected !== "string") {
      assert.throws(
        () => parseRenames(texts),
        (error: HarborError) => error.code === "usage" && expected.test(error.message),
      );
      return;
    }
    const { tables, types, columns } = parseRenames(texts, [], (name) => name === "mood");
    const shown = [
      [...tables, ...types.map(({ from, to }) => ({ from: `type ${from}`, to }))].map(({ from, to }) =>
        `${from}>${to}`
      ).join(" "),
      columns.map(({ table, from, to }) => `${table}:${from}>${to}`).join(" "),
    ];
    assert.equal(shown.join(" | ").trim(), expected);
  });
}

const full = parseRenames(
  [
    "users=accounts",
    "accounts.name=accounts.full_name",
    "files.owner=files.account",
    "mood=feeling",
  ],
  [],
  (name) => name === "mood",
);

test("invertRenames() names a column's table as it was before", () => {
  assert.deepEqual(invertRenames(full), {
    tables: [{ from: "accounts", to: "users" }],
    types: [{ from: "feeling", to: "mood" }],
    columns: [
      { table: "users", from: "full_name", to: "name" },
      { table: "files", from: "account", to: "owner" },
    ],
  });
  assert.deepEqual(invertRenames(invertRenames(full)), full);
});

const users = kitTable("users", ["id integer key", "name text"], {
  indexes: {
    ix: { name: "ix", columns: ["name", { expression: "name", isExpression: false }], where: `"name" <> ''` },
    iy: { name: "iy", columns: [{ expression: 'lower("name")', isExpression: true }] },
  },
  uniqueConstraints: { u: { name: "u", columns: ["name", "id"] } },
  compositePrimaryKeys: { p: { name: "p", columns: ["id", "name"] } },
  checkConstraints: kitCheck("k", `length("name") > 1 AND \`name\` <> 'name'`),
});
const files = kitTable("files", ["id integer key", "owner integer", "name text"], {
  foreignKeys: kitForeignKey("files", "owner", "users"),
  checkConstraints: kitCheck("k", `"name" <> ''`),
});
const moods = kitTable("moods", ["a integer"], {
  columns: {
    a: { ...kitColumn("a mood"), typeSchema: "public" },
    b: { ...kitColumn("b mood[]"), typeSchema: "public" },
    c: kitColumn("c mood"),
  },
});
const before = {
  ...kitSnapshot("postgresql", users, files, moods),
  enums: { "public.mood": { name: "mood", values: ["sad"] }, "public.other": { name: "other", values: [] } },
};

test("applyRenames() renames in all that refers to a table or a column", () => {
  const { tables } = applyRenames(before, full);
  assert.deepEqual(Object.keys(tables), ["public.accounts", "public.files", "public.moods"]);
  const accounts = tables["public.accounts"]!;
  assert.equal(accounts.name, "accounts");
  assert.deepEqual(Object.keys(accounts.columns), ["id", "full_name"]);
  assert.equal(accounts.columns["full_name"]!.name, "full_name");
  assert.deepEqual(accounts.indexes["ix"]!.columns, [
    "full_name",
    { expression: "full_name", isExpression: false },
  ]);
  assert.equal(accounts.indexes["ix"]!.where, `"full_name" <> ''`);
  assert.deepEqual(accounts.indexes["iy"]!.columns, [{
    expression: 'lower("full_name")',
    isExpression: true,
  }]);
  assert.deepEqual(accounts.uniqueConstraints["u"]!.columns, ["full_name", "id"]);
  assert.deepEqual(accounts.compositePrimaryKeys["p"]!.columns, ["id", "full_name"]);
  // A name in quotes of either dialect; a string of the same letters is none.
  assert.equal(accounts.checkConstraints["k"]!.value, `length("full_name") > 1 AND \`full_name\` <> 'name'`);
  const key = tables["public.files"]!.foreignKeys["files_owner_fkey"]!;
  assert.deepEqual([key.columnsFrom, key.tableTo, key.columnsTo], [["account"], "accounts", ["id"]]);
  assert.equal(tables["public.files"]!.checkConstraints["k"]!.value, `"name" <> ''`);
});

test("applyRenames() renames a type with the columns that have it", () => {
  const { tables, enums } = applyRenames(before, full);
  assert.deepEqual(enums, {
    "public.feeling": { name: "feeling", values: ["sad"] },
    "public.other": { name: "other", values: [] },
  });
  const { a, b, c } = tables["public.moods"]!.columns;
  assert.deepEqual([a!.type, b!.type, c!.type], ["feeling", "feeling[]", "mood"]);
});

test("applyRenames() renames the column that a foreign key refers to", () => {
  const renames = parseRenames(["users=accounts", "accounts.id=accounts.number"]);
  const key = applyRenames(before, renames).tables["public.files"]!.foreignKeys["files_owner_fkey"]!;
  assert.deepEqual(key.columnsTo, ["number"]);
});

test("applyRenames() and its inverse give the snapshot back, and no rename changes nothing", () => {
  assert.deepEqual(applyRenames(applyRenames(before, full), invertRenames(full)), before);
  assert.deepEqual(applyRenames(before, noRenames), before);
});

test("renameCandidates() asks about a type, with what has more of its values first, beside tables and before columns", () => {
  const type = (name: string, ...values: readonly string[]) => ({ [`public.${name}`]: { name, values } });
  const [t, u] = [kitTable("t", ["a text"]), kitTable("t", ["b text"])];
  const from = { ...kitSnapshot("postgresql", t), enums: type("mood", "sad", "glad") };
  const to = {
    ...kitSnapshot("postgresql", u),
    enums: { ...type("answer", "no"), ...type("feeling", "glad", "sad") },
  };
  assert.deepEqual(renameCandidates({ from, to }, noRenames, []), [
    { kind: "type", table: null, gone: "mood", added: ["feeling", "answer"] },
  ]);
  const known = { ...noRenames, types: [{ from: "mood", to: "feeling" }] };
  assert.deepEqual(renameCandidates({ from, to }, known, []).map(({ gone }) => gone), ["a"]);
  refuseImpossibleRenames(from, to, known);
  // Of SQLite there is nothing to say.
  refuseImpossibleRenames(kitSnapshot("sqlite", t), kitSnapshot("sqlite", t), known);
  assert.throws(
    () => refuseImpossibleRenames(from, from, known),
    /Cannot rename "mood": no such type is gone/,
  );
});

const open: Dropped = [];
const one = (name: string, ...columns: readonly string[]) =>
  kitTable(name, columns.map((each) => `${each} text`));

// One row a rule: tables before, tables after, what is known, and the questions.
const questions = [
  ["asks nothing about the same", [one("t", "a")], [one("t", "a")], [], open, ""],
  ["asks nothing where something only goes", [one("t", "a", "b")], [one("t", "a")], [], open, ""],
  ["asks nothing where something only comes", [one("t", "a")], [one("t", "a", "b")], [], open, ""],
  ["asks about a column", [one("t", "a")], [one("t", "b", "c")], [], open, "t.a>b,c"],
  ["asks about each column that is gone", [one("t", "a", "b")], [one("t", "c")], [], open, "t.a>c t.b>c"],
  ["asks about a table", [one("t", "a")], [one("u", "a")], [], open, "t>u"],
  [
    "asks about no column while a table is in question",
    [one("t", "a"), one("v", "a")],
    [one("u", "b"), one("v", "b")],
    [],
    open,
    "t>u",
  ],
  ["asks about the columns of a renamed table", [one("t", "a")], [one("u", "b")], ["t=u"], open, "u.a>b"],
  ["asks nothing that is known", [one("t", "a")], [one("t", "b")], ["t.a=t.b"], open, ""],
  ["asks nothing when all is dropped", [one("t", "a")], [one("t", "b")], [], "all", ""],
  [
    "asks nothing about a column that is dropped",
    [one("t", "a")],
    [one("t", "b")],
    [],
    [{ table: "t", gone: "a" }],
    "",
  ],
  [
    "asks about a column of that name in another table",
    [one("t", "a"), one("u", "a")],
    [one("t", "b"), one("u", "b")],
    [],
    [{ table: "t", gone: "a" }],
    "u.a>b",
  ],
  [
    "asks about columns once the table is dropped",
    [one("t", "a"), one("v", "a")],
    [one("u", "b"), one("v", "b")],
    [],
    [{ table: null, gone: "t" }],
    "v.a>b",
  ],
] as const;
for (const [rule, from, to, known, dropped, expected] of questions) {
  test(`renameCandidates() ${rule}`, () => {
    const ends = { from: kitSnapshot("sqlite", ...from), to: kitSnapshot("sqlite", ...to) };
    const found = renameCandidates(ends, parseRenames(known), dropped).map(({ table, gone, added }) =>
      `${table === null ? "" : `${table}.`}${gone}>${added.join()}`
    );
    assert.equal(found.join(" "), expected);
  });
}

test("parseRenames() takes a table that is called as a schema", () => {
  assert.deepEqual(parseRenames(["auth=users", "auth.a=auth.b"], ["auth"]).tables, [
    { from: "auth", to: "users" },
    { from: "auth.a", to: "auth.b" },
  ]);
});

test("renameFlag() gives a flag that parseRenames() reads", () => {
  const flag = (table: string | null) =>
    renameFlag({ kind: table === null ? "table" : "column", table, gone: "a", added: ["b"] }, "b");
  assert.equal(flag(null), "--rename a=b");
  assert.equal(flag("t"), "--rename t.a=t.b");
  assert.deepEqual(parseRenames([flag("t").slice("--rename ".length)]).columns, [{
    table: "t",
    from: "a",
    to: "b",
  }]);
});

test("renameFlag() quotes a name as parseRenames() and a shell read it", () => {
  const flag = (table: string, gone: string, to: string, schemas: readonly string[] = []) =>
    renameFlag({ kind: "column", table, gone, added: [to] }, to, schemas);
  assert.equal(flag("a t", "it's", "ä"), `--rename 'a t.it'\\''s=a t.ä'`);
  assert.equal(flag("s.t", "a", "b", ["s"]), "--rename s.t.a=s.t.b");
  assert.equal(flag("s.t", "a", "b"), `--rename '"s.t".a="s.t".b'`);
  assert.deepEqual(parseRenames(['"s.t".a="s.t".b']).columns, [{ table: "s.t", from: "a", to: "b" }]);
  assert.deepEqual(parseRenames(["s.t.a=s.t.b"], ["s"]).columns, [{ table: "s.t", from: "a", to: "b" }]);
});

// One row a rule: renames of what `t(a, b)`, `old(a)` became in `t(b, c)`, `new(a)`, and what is wrong with them.
const impossible: readonly (readonly [rule: string, texts: readonly string[], state: RegExp | null])[] = [
  ["takes a table and a column that changed", ["old=new", "t.a=t.c"], null],
  [
    "refuses a column that a renamed table keeps",
    ["old=new", "new.a=new.z"],
    /new\.a": no such column is gone/,
  ],
  ["refuses a table that never was", ["none=new"], /"none": no such table is gone/],
  ["refuses a table that stays", ["t=new"], /"t": no such table is gone/],
  ["refuses a new name that nothing has", ["old=none"], /"old": no table "none" is new/],
  ["refuses a new name that was there", ["old=t"], /"old": no table "t" is new/],
  ["refuses a column that never was", ["t.none=t.c"], /"t\.none": no such column is gone/],
  ["refuses a column that stays", ["t.b=t.c"], /"t\.b": no such column is gone/],
  ["refuses a column's new name that nothing has", ["t.a=t.none"], /"t\.a": no column "t\.none" is new/],
  ["refuses a column's new name that was there", ["t.a=t.b"], /"t\.a": no column "t\.b" is new/],
  ["refuses a column of no table", ["none.a=none.b"], /"none\.a": no such column is gone/],
];
for (const [rule, texts, state] of impossible) {
  test(`refuseImpossibleRenames() ${rule}`, () => {
    const from = kitSnapshot("sqlite", one("t", "a", "b"), one("old", "a"));
    const to = kitSnapshot("sqlite", one("t", "b", "c"), one("new", "a"));
    const check = () => refuseImpossibleRenames(from, to, parseRenames(texts));
    if (state === null) check();
    else assert.throws(check, (error: HarborError) => error.code === "usage" && state.test(error.message));
  });
}

test("refuseImpossibleRenames() says how tables change places", () => {
  const both = kitSnapshot("sqlite", one("t", "a"), one("u", "a"));
  assert.throws(
    () => refuseImpossibleRenames(both, both, parseRenames(["t=u", "u=t"])),
    (error: HarborError) => {
      assert.match(error.message, /is no new name/);
      assert.deepEqual(error.hintLines.slice(1), [
        `"t" to "t_before": harbor-db generate 't to t_before' --rename t=t_before`,
        `"u" to "t": harbor-db generate 'u to t' --rename u=t`,
        `"t_before" to "u": harbor-db generate 't_before to u' --rename t_before=u`,
      ]);
      return true;
    },
  );
});

const rounds: readonly (readonly [what: string, flags: readonly string[], hint: readonly string[]])[] = [
  ["a round of three", ["t=u", "u=v", "v=t"], [
    `"t" to "t_before": harbor-db generate 't to t_before' --rename t=t_before`,
    `"v" to "t": harbor-db generate 'v to t' --rename v=t`,
    `"u" to "v": harbor-db generate 'u to v' --rename u=v`,
    `"t_before" to "u": harbor-db generate 't_before to u' --rename t_before=u`,
  ]],
  ["of which one is said", ["t=u"], ["--rename t=u --rename u=…"]],
  ["of which two are said", ["t=u", "u=v"], ["--rename t=u --rename u=v --rename v=…"]],
];
for (const [what, flags, hint] of rounds) {
  test(`refuseImpossibleRenames() gives commands for no table of which it knows not what it becomes: ${what}`, () => {
    const three = kitSnapshot("sqlite", one("t", "a"), one("u", "a"), one("v", "a"));
    assert.throws(
      () => refuseImpossibleRenames(three, three, parseRenames(flags)),
      (error: HarborError) => {
        assert.deepEqual(error.hintLines.slice(1), hint);
        return true;
      },
    );
  });
}

test("refuseImpossibleRenames() takes no table whose name another one gets for one that changes places with it", () => {
  const from = kitSnapshot("sqlite", one("t", "a"), one("u", "a"));
  const to = kitSnapshot("sqlite", one("t", "a"), one("u", "a"), one("w", "a"));
  assert.throws(
    () => refuseImpossibleRenames(from, to, parseRenames(["t=u", "u=w"])),
    (error: HarborError) => /^"u" needs its other name first/.test(error.hintLines.join()),
  );
});

test("refuseImpossibleRenames() takes columns that change places, or give each other their names", () => {
  const swapped = kitSnapshot("sqlite", one("t", "a", "b"));
  refuseImpossibleRenames(swapped, swapped, parseRenames(["t.a=t.b", "t.b=t.a"]));
  const moved = kitSnapshot("sqlite", one("t", "b", "c"));
  refuseImpossibleRenames(swapped, moved, parseRenames(["t.a=t.b", "t.b=t.c"]));
});

test("applyRenames() exchanges the names of columns in expressions, too", () => {
  const table = (value: string) =>
    kitSnapshot("sqlite", kitTable("t", ["a text", "b text"], { checkConstraints: kitCheck("k", value) }));
  const swap = parseRenames(["t.a=t.b", "t.b=t.a"]);
  const { tables } = applyRenames(table('"a" <> `b`'), swap);
  assert.equal(Object.values(tables)[0]!.checkConstraints["k"]!.value, '"b" <> `a`');
});

test("refuseImpossibleRenames() follows a column into a renamed table", () => {
  const from = kitSnapshot("sqlite", one("old", "a"));
  const to = kitSnapshot("sqlite", one("new", "b"));
  refuseImpossibleRenames(from, to, parseRenames(["old=new", "new.a=new.b"]));
});
