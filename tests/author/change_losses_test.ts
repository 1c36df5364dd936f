import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { lossesOf } from "../../src/author/rules/change_losses.ts";
import { decide } from "../../src/author/rules/decisions.ts";
import { parseFills } from "../../src/author/rules/fills.ts";
import type { KitTable } from "../../src/schema/kit_snapshot.ts";
import { parseRenames } from "../../src/author/rules/renames.ts";
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
  { what: "no type on SQLite, which holds anything", from: [t(["c VARCHAR(20)"])], to: [t(["c TEXT"])] },
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
      lines.length === 0 ? [] : [...lines, "Only a backup brings that back."];
    assert.deepEqual(lossesOf(both.up, both.down), { upgrade: closing(up), downgrade: closing(down) });
  });
}
