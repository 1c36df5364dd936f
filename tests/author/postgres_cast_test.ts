import assert from "node:assert/strict";
import { test } from "node:test";
import type { KitColumn } from "../../src/schema/kit_snapshot.ts";
import { refuseUncastable } from "../../src/author/refuse_uncastable.ts";
import { noRenames } from "../../src/author/rules/change/renames.ts";
import { postgresCast } from "../../src/author/rules/types/postgres_cast.ts";
import { kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";
import { rejectsWith } from "../support/harbor_error.ts";

/** A column of a type; a name in capitals is that of an enum type. */
function column(type: string): KitColumn {
  const plain = { name: "c", type, primaryKey: false, notNull: false };
  return /^[A-Z]/.test(type) ? { ...plain, typeSchema: "public" } : plain;
}

// One row a rule: the types, and how a value gets from one to the other.
const ways: readonly (readonly [from: string, to: string, way: string | null])[] = [
  ["text", "uuid", '"c"::uuid'],
  ["varchar(20)", "Mood", '"c"::Mood'],
  ["char(20)", "date", '"c"::text::date'],
  ["Mood", "varchar(5)", '"c"::text'],
  ["Mood", "Feeling", '"c"::text::Feeling'],
  ["Mood[]", "Feeling[]", '"c"::text[]::Feeling[]'],
  ["text[]", "Mood[]", '"c"::Mood[]'],
  ["integer[]", "bigint[]", '"c"::bigint[]'],
  ["integer", "Mood", null],
  ["Mood", "integer", null],
  ["integer", "integer[]", null],
  ["bigint[]", "boolean[]", null],
  ["boolean", "integer", '"c"::integer'],
  ["boolean", "bigint", '"c"::integer::bigint'],
  ["smallint", "boolean", '"c" <> 0'],
  ["integer", "timestamp", null],
  ["timestamp", "time", '"c"::time'],
  ["time", "timestamp", `(DATE '1970-01-01' + "c")::timestamp`],
  ["date", "time", null],
  ["interval", "integer", null],
  ["numeric(10, 2)", "jsonb", 'to_jsonb("c")'],
  ["jsonb", "numeric(10, 2)", '"c"::numeric(10, 2)'],
  ["date", "jsonb", null],
  ["uuid", "bytea", null],
  ["cidr", "inet", '"c"::inet'],
  ["geometry(point)", "text", '"c"::text'],
  ["geometry(point)", "integer", '"c"::integer'],
];

for (const [from, to, way] of ways) {
  test(`${from} becomes ${to} ${way === null ? "in no way" : `by ${way}`}`, () => {
    assert.equal(postgresCast(column(from), column(to), { type: to }), way);
  });
}

test("a boolean becomes a value of an enum type, and back, where that has the words for it", () => {
  const cast = (from: string, to: string, ...labels: readonly string[]) =>
    postgresCast(column(from), column(to), { type: to, labels });
  assert.equal(cast("boolean", "Answer", "maybe", "false", "true"), '"c"::text::Answer');
  assert.equal(cast("Answer", "boolean", "true", "false"), '"c"::text::boolean');
  assert.equal(cast("boolean", "Answer", "no", "yes"), null);
  assert.equal(cast("boolean", "Answer", "true"), null);
  assert.equal(cast("integer", "Answer", "true", "false"), null);
  assert.equal(cast("boolean[]", "Answer", "true", "false"), null);
});

test("a type that nothing leads to, or back from, is refused with what to do", async () => {
  const refusal = (from: string, to: string) => {
    const at = (type: string) => kitSnapshot("postgresql", kitTable("t", ["id integer key", `c ${type}`]));
    const renames = noRenames;
    return rejectsWith(
      "bad_schema",
      (async () => await refuseUncastable('generate "x"', { from: at(from), to: at(to), renames }))(),
    );
  };
  const { message, hint } = await refusal("integer", "uuid");
  assert.equal(message, 'Cannot generate "x": PostgreSQL makes no uuid of the integer in t.c');
  assert.match(String(hint), /beside t\.c, .*--write-unproven/);
  const back = await refusal("timestamptz", "timetz");
  assert.match(back.message, /no timestamptz of the timetz in t\.c, which the way back needs/);
});
