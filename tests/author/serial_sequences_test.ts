import assert from "node:assert/strict";
import { test } from "node:test";
import * as pg from "drizzle-orm/pg-core";
import { withSequences } from "../../src/author/serial_sequences.ts";
import { decide } from "../../src/author/rules/change/decisions.ts";
import { draftScripts } from "../../src/author/draft_revision.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { noRenames } from "../../src/author/rules/change/renames.ts";
import { readKitSnapshot } from "../../src/schema/kit_snapshot.ts";
import { serialSequence } from "../../src/sql/cut_name.ts";
import { generateTwo } from "../support/samples/two_revisions.ts";

test("the sequence of a serial column that an earlier revision renamed keeps its name", async () => {
  const tables = (
    name: string,
    key: string,
    type: pg.PgColumnBuilderBase,
  ) => [pg.pgTable(name, { [key]: type })];
  const renames = ["old=new", "new.id=new.key"];
  const serial = () => pg.serial().primaryKey();
  const { history } = await generateTwo(tables("old", "id", serial()), tables("new", "key", serial()), {
    renames,
  });
  const engine = await loadDrizzleEngine();
  const own = history("postgresql");
  const from = readKitSnapshot(own.revisions[1]!.snapshot());
  const wide = tables("new", "key", pg.bigserial({ mode: "number" }).primaryKey());
  const ends = { from, to: await engine.snapshot("postgresql", { ...wide }) };
  const change = decide(ends, { renames: noRenames, dropped: "all", fills: new Map() });
  const { up, down } = await draftScripts("Widen", withSequences(change, own), engine);
  assert.match(up, /ALTER SEQUENCE "old_id_seq" AS bigint;/);
  assert.match(down, /ALTER SEQUENCE "old_id_seq" AS integer;/);
});

// The table, the column, and what PostgreSQL 15 called the sequence.
const long = "a_table_with_a_name_that_is_rather_long_for_it";
const names = [
  ["t", "id", "t_id_seq"],
  [long, "id", `${long}_id_seq`],
  [
    long,
    "a_column_with_a_name_that_is_long",
    "a_table_with_a_name_that_is_r_a_column_with_a_name_that_is__seq",
  ],
  ["ä".repeat(30), "ö".repeat(20), `${"ä".repeat(14)}_${"ö".repeat(14)}_seq`],
] as const;
for (const [table, column, sequence] of names) {
  test(`the sequence of ${column} of ${table} is ${sequence}`, () => {
    assert.equal(serialSequence(table, column), sequence);
  });
}
