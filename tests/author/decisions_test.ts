import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decide,
  type Decisions,
  openQuestions,
  unanswered,
} from "../../src/author/rules/change/decisions.ts";
import { HarborError } from "../../src/base/errors.ts";
import { parseFills } from "../../src/author/rules/change/fills.ts";
import { type Dropped, parseRenames } from "../../src/author/rules/change/renames.ts";
import { kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

function decisions(
  { renames = [], fills = [], dropped = [] }: {
    readonly renames?: readonly string[];
    readonly fills?: readonly string[];
    readonly dropped?: Dropped;
  } = {},
): Decisions {
  return { renames: parseRenames(renames), fills: parseFills(fills), dropped };
}

const id = "id integer key";
const t = (...columns: readonly string[]) => kitTable("t", [id, ...columns]);
const ends = (from: ReturnType<typeof t>, to: ReturnType<typeof t>) => ({
  from: kitSnapshot("sqlite", from),
  to: kitSnapshot("sqlite", to),
});
const reference = (column: string) =>
  kitTable("t", [id, `${column} integer not null`], { foreignKeys: kitForeignKey("t", column, "u") });

// One row a rule: the change, what is decided, and what is still to be said.
const cases: readonly (readonly [
  rule: string,
  change: ReturnType<typeof ends>,
  decided: Decisions,
  expected: string,
])[] = [
  ["asks nothing about a column that may be empty", ends(t(), t("c text")), decisions(), ""],
  [
    "asks nothing about a column with a default",
    ends(t(), t("c text not null default 'x'")),
    decisions(),
    "",
  ],
  ["asks for the rows of a NOT NULL column", ends(t(), t("c text not null")), decisions(), "t.c up"],
  [
    "asks for the rows of one that becomes NOT NULL",
    ends(t("c text"), t("c text not null")),
    decisions(),
    "t.c up",
  ],
  ["asks nothing that is filled", ends(t(), t("c text not null")), decisions({ fills: ["t.c='x'"] }), ""],
  [
    "offers for a rename what has the same type first, then what has a type of that name",
    ends(t("a varchar(20)"), t("b integer", "c varchar(50)", "d varchar(20)")),
    decisions(),
    "t.a>d,c,b",
  ],
  ["asks about a rename first", ends(t("a text"), t("c text not null")), decisions(), "t.a>c"],
  [
    "asks for no rows of a renamed column",
    ends(t("a text not null"), t("c text not null")),
    decisions({ renames: ["t.a=t.c"] }),
    "",
  ],
  [
    "asks for rows once the rename is denied",
    ends(t("a text"), t("c text not null")),
    decisions({ dropped: "all" }),
    "t.c up",
  ],
  [
    "asks nothing about a column that becomes a key",
    ends(t("c text"), kitTable("t", ["c text key"])),
    decisions(),
    "",
  ],
  [
    "takes a value for one that becomes a key",
    ends(kitTable("t", ["c text"]), kitTable("t", ["c text key"])),
    decisions({ fills: ["t.c='x'"] }),
    "",
  ],
  ["stands in itself for a dropped value on the way back", ends(t("c text not null"), t()), decisions(), ""],
  ["asks for the way back where nothing can stand in", ends(reference("c"), t()), decisions(), "t.c down"],
  [
    "takes a value for the way back",
    ends(reference("c"), t()),
    decisions({ fills: ["t.c=1"] }),
    "",
  ],
];
for (const [rule, change, decided, expected] of cases) {
  test(`openQuestions() ${rule}`, () => {
    const { renames, fills } = openQuestions([change], decided);
    const isUp = (column: string) => change.to.tables["t"]!.columns[column] !== undefined;
    const shown = [
      ...renames.map(({ table, gone, added }) => `${table}.${gone}>${added}`),
      ...fills.map(({ table, column }) => `${table}.${column} ${isUp(column) ? "up" : "down"}`),
    ];
    assert.equal(shown.join(" "), expected);
  });
}

test("openQuestions() asks each question once for both dialects", () => {
  const postgres = {
    from: kitSnapshot("postgresql", t("a text")),
    to: kitSnapshot("postgresql", t("b text not null")),
  };
  const both = [ends(t("a TEXT"), t("b TEXT not null")), postgres];
  assert.equal(openQuestions(both, decisions()).renames.length, 1);
  assert.equal(openQuestions(both, decisions({ dropped: "all" })).fills.length, 1);

  // What is alike in the one dialect is not in the other.
  const unlike = {
    from: kitSnapshot("postgresql", t("a timestamp")),
    to: kitSnapshot("postgresql", t("b text", "c timestamp")),
  };
  const added = openQuestions([ends(t("a TEXT"), t("b TEXT", "c TEXT")), unlike], decisions()).renames
    .map((candidate) => candidate.added.join());
  assert.deepEqual(added, ["c,b"]);
});

test("openQuestions() offers for a table first what has most of its columns", () => {
  const table = (name: string, ...columns: readonly string[]) => kitTable(name, [id, ...columns]);
  const from = kitSnapshot("sqlite", table("users", "name text", "mail text"));
  const to = kitSnapshot(
    "sqlite",
    table("notes", "name integer"),
    table("accounts", "name text", "mail text"),
  );
  assert.deepEqual(openQuestions([{ from, to }], decisions()).renames[0]?.added, ["accounts", "notes"]);
});

test("openQuestions() gives the flag that would answer", () => {
  const change = ends(t(), t("c text not null"));
  const [fill] = openQuestions([change], decisions()).fills;
  assert.equal(fill?.flag, `--fill "t.c=''"`);
  const [, value] = /"(.*)"/.exec(fill.flag)!;
  assert.deepEqual(openQuestions([change], decisions({ fills: [value!] })).fills, []);
});

test("openQuestions() refuses what fits nothing", () => {
  const change = ends(t("c text"), t("c text"));
  for (
    const [decided, state] of [
      [decisions({ fills: ["t.c='x'"] }), /fill "t\.c": no row needs a value there/],
      [decisions({ fills: ["t.z='x'"] }), /fill "t\.z": no row needs a value there/],
      [decisions({ renames: ["t.z=t.c"] }), /rename "t\.z": no such column is gone/],
    ] as const
  ) {
    assert.throws(
      () => openQuestions([change], decided),
      (error: HarborError) => error.code === "usage" && state.test(error.message),
    );
  }
});

test("decide() gives both directions, each with its own rows", () => {
  const change = ends(t("a text", "gone text not null"), t("b text", "c text not null"));
  const { up, down } = decide(
    change,
    decisions({ renames: ["t.a=t.b"], fills: ["t.c='x'"], dropped: "all" }),
  );
  assert.deepEqual([up.from, up.to], [change.from, change.to]);
  assert.deepEqual([down.from, down.to], [change.to, change.from]);
  assert.deepEqual(up.fills, [{ table: "t", column: "c", value: "'x'", existed: false }]);
  assert.deepEqual(down.fills, [{ table: "t", column: "gone", value: "''", existed: false }]);
  assert.deepEqual(down.renames.columns, [{ table: "t", from: "b", to: "a" }]);
});

test("decide() leaves out what has no value yet", () => {
  assert.deepEqual(decide(ends(t(), t("c text not null")), decisions()).up.fills, []);
});

// One row a rule: what is open, and what the error and its hint say.
const errors = [
  [
    "a column",
    openQuestions([ends(t("a text"), t("b text", "c text"))], decisions()),
    "Cannot generate: t.a is gone and t.b, t.c are new, which is a rename or a drop",
    "Say which: --rename t.a=t.b, or --rename t.a=t.c; or --no-rename to drop the one and add the other.",
  ],
  [
    "a table",
    openQuestions(
      [{ from: kitSnapshot("sqlite", t()), to: kitSnapshot("sqlite", kitTable("u", [id])) }],
      decisions(),
    ),
    "Cannot generate: t is gone and u is new, which is a rename or a drop",
    "Say which: --rename t=u; or --no-rename to drop the one and add the other.",
  ],
  [
    "rows",
    openQuestions([ends(t(), t("c text not null", "d integer not null"))], decisions()),
    "Cannot generate: t.c, t.d are NOT NULL without a default, and nothing says what the rows that exist get",
    `Say it as SQL: --fill "t.c=''" --fill "t.d=0"; or give the column a default.`,
  ],
  [
    "rows on the way back",
    openQuestions([ends(reference("c"), t("c integer"))], decisions()),
    "Cannot generate: the way back makes t.c NOT NULL again, and nothing says what rows get that have no value by then",
    'Say it as SQL: --fill "t.c=(SELECT min(id) FROM …)".',
  ],
] as const;
for (const [what, questions, message, hint] of errors) {
  test(`unanswered() names the flags for ${what}`, () => {
    const error = unanswered("generate", questions);
    assert.deepEqual([error.code, error.message, error.hint], ["usage", message, hint]);
    const { flags } = error.details as { readonly flags: readonly string[] };
    for (const flag of flags) assert.ok(hint.includes(flag), flag);
  });
}
