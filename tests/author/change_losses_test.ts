import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { typeChange } from "../../src/author/rules/types/type_change.ts";
import { lossesOf } from "../../src/author/rules/change/losses.ts";
import { decide } from "../../src/author/rules/change/decisions.ts";
import { parseFills } from "../../src/author/rules/change/fills.ts";
import type { KitTable } from "../../src/schema/kit_snapshot.ts";
import { parseRenames } from "../../src/author/rules/change/renames.ts";
import { kitCheck, kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

const id = "id integer key";
const t = (columns: readonly string[], more: Partial<KitTable> = {}) => kitTable("t", [id, ...columns], more);
const u = kitTable("u", [id]);
const oneOf = (...values: readonly string[]) => ({
  checkConstraints: kitCheck("k", `"c" IN (${values.map((value) => `'${value}'`).join(", ")})`),
});

interface Case {
  readonly what: string;
  readonly from: readonly KitTable[];
  readonly to: readonly KitTable[];
  readonly renames?: readonly string[];
  readonly fills?: readonly string[];
  readonly dialect?: Dialect;
  readonly up?: readonly string[];
  readonly down?: readonly string[];
}

// One row a rule: the change, and what its scripts cannot give back.
const cases: readonly Case[] = [
  { what: "nothing of what is only added", from: [t([])], to: [t([])] },
  {
    what: "a new column on the way back",
    from: [t([])],
    to: [t(["c text"])],
    down: ["Drops t.c with what it holds."],
  },
  {
    what: "several columns in one sentence",
    from: [t([])],
    to: [t(["a text", "b text", "c text"])],
    down: ["Drops t.a, t.b and t.c with what they hold."],
  },
  { what: "a new table on the way back", from: [u], to: [u, t([])], down: ["Drops t with its rows."] },
  {
    what: "tables, and that they come back empty",
    from: [u, t([])],
    to: [],
    up: ["Drops u and t with their rows."],
    down: ["Brings back u without its rows.", "Brings back t without its rows."],
  },
  {
    what: "a column, and that it comes back empty",
    from: [t(["c text"])],
    to: [t([])],
    up: ["Drops t.c with what it holds."],
    down: ["Brings back t.c without what it held."],
  },
  {
    what: "a NOT NULL column, and what stands in for it",
    from: [t(["c integer not null"])],
    to: [t([])],
    up: ["Drops t.c with what it holds."],
    down: ["Brings back t.c without what it held: rows get 0."],
  },
  {
    what: "no column that has another name only",
    from: [t(["a text"])],
    to: [t(["c text"])],
    renames: ["t.a=t.c"],
  },
  {
    what: "a column of a renamed table by the name that it has then",
    from: [kitTable("old", [id, "a text"])],
    to: [t(["b text"])],
    renames: ["old=t"],
    up: ["Drops old.a with what it holds."],
    down: ["Drops t.b with what it holds.", "Brings back old.a without what it held."],
  },
  {
    what: "where NULL was written over",
    from: [t(["c text", "d text"])],
    to: [t(["c text not null", "d text not null"])],
    fills: ["t.c='x'", "t.d='x'"],
    down: ["Leaves 'x' in t.c and t.d where it was NULL."],
  },
  {
    what: "no value of a column that is new",
    from: [t([])],
    to: [t(["c text not null"])],
    fills: ["t.c='x'"],
    down: ["Drops t.c with what it holds."],
  },
  {
    what: "where the way back writes over NULL",
    from: [t(["c text not null"])],
    to: [t(["c text"])],
    down: ["Puts '' into t.c where it is NULL."],
  },
  {
    what: "values that the way back does not take",
    from: [t(["c text"], oneOf("a", "b"))],
    to: [t(["c text"], oneOf("a", "b", "d"))],
    down: ["Fails while t.c holds anything but 'a', 'b'."],
  },
  {
    what: "values that the way back lists anew",
    from: [t(["c text"], oneOf("a"))],
    to: [t(["c text"])],
    down: ["Fails while t.c holds anything but 'a'."],
  },
  {
    what: "nothing where the way back takes more",
    from: [t(["c text"], oneOf("a", "b"))],
    to: [t(["c text"], oneOf("a"))],
    up: ["Fails while t.c holds anything but 'a'."],
  },
  {
    what: "what does not fit the old type",
    from: [t(["c varchar(20)"])],
    to: [t(["c text"])],
    dialect: "postgresql",
    down: ["Fails while t.c holds what does not fit varchar(20)."],
  },
  {
    what: "no type in another spelling",
    from: [t(["c varchar(20)"])],
    to: [t(["c character varying(20)"])],
    dialect: "postgresql",
  },
  {
    what: "what the old type has no room for on SQLite",
    from: [t(["c VARCHAR(20)"])],
    to: [t(["c TEXT"])],
    down: ["Fails while t.c holds what does not fit VARCHAR(20)."],
  },
  {
    what: "the type of what a sequence makes",
    from: [t(["c serial"])],
    to: [t(["c bigserial"])],
    dialect: "postgresql",
    down: ["Fails while t.c holds what does not fit integer."],
  },
  {
    what: "what SQLite reads as a number",
    from: [t(["c TEXT"])],
    to: [t(["c INTEGER"])],
    up: [
      "Turns what t.c holds into INTEGER: '007' becomes 7.",
      "Fails while t.c holds what does not fit INTEGER.",
    ],
    down: ["Does not give back what t.c held: '007' becomes 7."],
  },
  {
    what: "what SQLite reads as a number on the way back",
    from: [t(["c INTEGER"])],
    to: [t(["c TEXT"])],
    down: [
      "Turns what t.c holds into INTEGER: '007' becomes 7.",
      "Fails while t.c holds what does not fit INTEGER.",
    ],
  },
  {
    what: "what an integer has no room for",
    from: [t(["c text"])],
    to: [t(["c integer"])],
    dialect: "postgresql",
    up: [
      "Turns what t.c holds into integer: '007' becomes 7.",
      "Fails while t.c holds what does not fit integer.",
    ],
    down: ["Does not give back what t.c held: '007' becomes 7."],
  },
  {
    what: "what SQLite has no bounds for",
    from: [t(["c BIGINT", "d NUMERIC(10,4)", "e SMALLINT"])],
    to: [t(["c SMALLINT", "d NUMERIC(10,2)", "e BIGINT"])],
    up: [
      "Leaves what t.c holds as it is, also what PostgreSQL would round or refuse for SMALLINT: SQLite enforces no sizes.",
      "Leaves what t.d holds as it is, also what PostgreSQL would round or refuse for NUMERIC(10,2): SQLite enforces no sizes.",
    ],
    down: [
      "Leaves what t.d holds as it is, also what PostgreSQL would round or refuse for NUMERIC(10,4): SQLite enforces no sizes.",
      "Leaves what t.e holds as it is, also what PostgreSQL would round or refuse for SMALLINT: SQLite enforces no sizes.",
    ],
  },
  {
    what: "a reference that is gone, without a value that stands in",
    from: [u, t(["c integer"], { foreignKeys: kitForeignKey("t", "c", "u") })],
    to: [u, t([])],
    up: ["Drops t.c with what it holds."],
    down: ["Brings back t.c without what it held."],
  },
];
for (const { what, from, to, dialect = "sqlite", renames = [], fills = [], up = [], down = [] } of cases) {
  test(`lossesOf() names ${what}`, () => {
    const ends = { from: kitSnapshot(dialect, ...from), to: kitSnapshot(dialect, ...to) };
    const decided = { renames: parseRenames(renames), fills: parseFills(fills), dropped: "all" } as const;
    const both = decide(ends, decided);
    const closing = (lines: readonly string[]) =>
      [false, true].flatMap((fails) => {
        const own = lines.filter((line) => /^(?:Fails|Leaves what) /.test(line) === fails);
        return own.length === 0 || fails ? own : [
          ...own,
          "Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.",
        ];
      });
    assert.deepEqual(lossesOf(both.up, both.down), { upgrade: closing(up), downgrade: closing(down) });
  });
}

// One row a change of type on PostgreSQL: whether values may not fit, and what becomes another value.
const types: readonly (readonly [from: string, to: string, fails: boolean, loss: RegExp | null])[] = [
  ["varchar(20)", "text", false, null],
  ["varchar(20)", "character varying(50)", false, null],
  ["text", "varchar(20)", true, null],
  ["varchar(50)", "varchar(20)", true, null],
  ["char(2)", "text", false, null],
  ["smallint", "integer", false, null],
  ["integer", "bigint", false, null],
  ["serial", "bigserial", false, null],
  ["bigint", "integer", true, null],
  ["integer", "numeric", false, null],
  ["integer", "numeric(12, 2)", false, null],
  ["bigint", "numeric(10, 2)", true, null],
  ["integer", "double precision", false, null],
  ["bigint", "double precision", false, /16777216/],
  ["numeric(10, 2)", "numeric(12, 4)", false, null],
  ["numeric(10, 2)", "numeric", false, null],
  ["numeric(10, 2)", "numeric(10, 4)", true, null],
  ["numeric(10, 2)", "numeric(12, 1)", false, /rounded to 1/],
  ["numeric", "numeric(10, 2)", true, /rounded to 2/],
  ["numeric(10, 2)", "integer", false, /1\.5 becomes 2/],
  ["numeric(10, 0)", "integer", true, null],
  ["numeric(10, 2)", "numeric(9, 1)", true, /rounded to 1/],
  ["real", "double precision", false, null],
  ["double precision", "real", true, /16777216/],
  ["date", "timestamp", false, null],
  ["timestamp", "date", false, /time of day/],
  ["timestamp(3)", "timestamp", false, null],
  ["timestamp", "timestamp(3)", false, /rounded to 3/],
  ["integer", "text", false, null],
  ["uuid", "varchar(36)", false, null],
  ["uuid", "varchar(35)", true, null],
  ["text", "interval", true, /becomes 14 days/],
  ["text", "inet", true, /gets that form/],
  ["interval", "interval(0)", false, /rounded to 0/],
  ["numeric(10, 2)", "double precision", false, null],
  ["numeric(10, 2)", "real", false, /more digits/],
  ["jsonb", "numeric(5, 0)", true, /rounded to 0/],
  ["time", "timestamp(0)", false, /rounded to 0/],
  ["varbit", "bit(3)", false, /is cut/],
  ["bit(3)", "varbit(5)", false, null],
  ["timetz", "time", false, /zone goes/],
  ["jsonb", "integer", true, /1\.5 becomes 2/],
  ["integer", "jsonb", false, null],
  ["text", "integer", true, /'007' becomes 7/],
  ["text", "uuid", true, /small letters/],
  ["text", "json", true, null],
  ["json", "jsonb", true, /becomes/],
  ["jsonb", "json", false, null],
  ["integer", "boolean", false, /7 becomes true/],
  ["boolean", "smallint", false, null],
  ["timestamp", "time", false, /the day goes/],
  ["time", "timestamp", false, /24:00:00/],
  ["interval", "time", false, /whole days go/],
  ["text", "mood", true, null],
  ["mood", "text", false, null],
  ["mood", "mood", false, null],
  ["integer[]", "integer[]", false, null],
  ["integer[]", "bigint[]", false, null],
  ["numeric[]", "integer[]", true, /1\.5 becomes 2/],
  ["text[]", "integer[]", true, /'007' becomes 7/],
  ["timestamp[]", "date[]", false, /time of day/],
  ["double precision[]", "numeric(5, 0)[]", true, /more digits/],
  ["text[]", "varchar(3)[]", true, null],
  ["text[]", "mood[]", true, null],
  ["text", "text[]", true, /becomes \{a,b\}/],
  ["text[]", "text", false, null],
];
for (const [from, to, fails, loss] of types) {
  test(`typeChange() says what becomes of ${from} as ${to}`, () => {
    const change = typeChange(from, to, "postgresql");
    assert.equal(change.fails, fails);
    if (loss === null) assert.equal(change.loss, null);
    else assert.match(change.loss ?? "", loss);
  });
}

test("typeChange() says what becomes of values on SQLite", () => {
  for (
    const [from, to, fails, loss] of [
      ["INTEGER", "BOOLEAN", false, /7 becomes true/],
      ["REAL", "INTEGER", true, /1\.5 becomes 2/],
      ["TEXT", "DATE", true, null],
      ["TEXT", "UUID", true, /small letters/],
      ["INTEGER", "DATETIME", true, null],
      ["INTEGER", "BIGINT", false, null],
      ["BLOB", "TEXT", false, null],
      ["TEXT", "BIGINT", true, /'007' becomes 7/],
      ["NUMERIC", "REAL", false, /9007199254740992/],
    ] as const
  ) {
    const change = typeChange(from, to, "sqlite");
    assert.equal(change.fails, fails, `${from} ${to}`);
    if (loss === null) assert.equal(change.loss, null);
    else assert.match(change.loss ?? "", loss);
  }
  assert.match(typeChange("datetime", "DATE", "sqlite").loss ?? "", /time of day/);
  assert.match(typeChange("datetime", "TIME", "sqlite").loss ?? "", /day goes/);
  assert.match(typeChange("text", "BOOLEAN", "sqlite").loss ?? "", /'yes'/);
  assert.equal(typeChange("DATE", "DATETIME", "sqlite").loss, null);
});
