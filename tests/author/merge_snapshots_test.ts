import assert from "node:assert/strict";
import { test } from "node:test";
import type { KitSnapshot } from "../../src/schema/kit_snapshot.ts";
import { mergeSnapshots } from "../../src/author/rules/merge_snapshots.ts";

/** A snapshot whose tables are written as `users(id name:text) files()`. */
function snapshot(text: string, id = "x"): KitSnapshot {
  const tables = [...text.matchAll(/(\w+)\(([^)]*)\)/g)].map(([, name, columns]) => {
    const list = columns!.split(" ").filter(Boolean).map((column) => {
      const [own, type = "integer"] = column.split(":");
      return [own, { name: own, type }];
    });
    return [name, { name, columns: Object.fromEntries(list) }];
  });
  return { id, prevId: "", dialect: "sqlite", tables: Object.fromEntries(tables) } as unknown as KitSnapshot;
}

function show({ tables }: KitSnapshot): string {
  return Object.values(tables).map(({ name, columns }) =>
    `${name}(${
      Object.values(columns).map((column) =>
        `${column.name}${column.type === "integer" ? "" : `:${column.type}`}`
      ).join(" ")
    })`
  ).join(" ");
}

// The common base, what each made of it, what both together are, and what excludes each other.
const cases = [
  ["keeps both columns, theirs first", "u(id)", "u(id mine)", "u(id theirs)", "u(id theirs mine)", ""],
  ["keeps both tables", "u(id)", "u(id) m(id)", "u(id) t(id)", "u(id) t(id) m(id)", ""],
  ["keeps what only one dropped dropped", "u(id a b)", "u(id b)", "u(id a b c)", "u(id b c)", ""],
  ["keeps one change of a type", "u(a)", "u(a:text)", "u(a b)", "u(a:text b)", ""],
  ["takes the same change twice once", "u(a)", "u(a b)", "u(a b)", "u(a b)", ""],
  ["finds two changes of one type", "u(a)", "u(a:text)", "u(a:bigint)", "u(a:bigint)", "u.columns.a.type"],
  ["finds a change of what the other dropped", "u(a)", "u(a:text)", "u()", "u()", "u.columns.a"],
  [
    "finds a column of one name and two types",
    "u()",
    "u(a:text)",
    "u(a:bigint)",
    "u(a:bigint)",
    "u.columns.a.type",
  ],
] as const;
for (const [what, base, mine, theirs, expected, conflicts] of cases) {
  test(`mergeSnapshots() ${what}`, () => {
    const merged = mergeSnapshots({
      base: snapshot(base),
      mine: snapshot(mine, "mine"),
      theirs: snapshot(theirs, "theirs"),
    });
    assert.equal(show(merged.snapshot), expected);
    assert.equal(merged.conflicts.join(" "), conflicts);
    assert.equal(merged.snapshot.id, "mine");
  });
}
