import assert from "node:assert/strict";
import { test } from "node:test";
import { isSameDefault } from "../../src/schema/compare_defaults.ts";

// One row a default: the column's type, what was written, what may stand for it, and whether it is the same on PostgreSQL.
const cases: readonly (readonly [type: string, written: string, other: string, same: boolean])[] = [
  ["jsonb", `'{"b":1,"a":[1,2]}'::jsonb`, `'{"a": [1, 2], "b": 1}'::jsonb`, true],
  ["jsonb", `'{"a":1,"a":2}'`, `'{"a": 2}'::jsonb`, true],
  ["jsonb", `'[1e2, 1.50, "1"]'`, `'[100, 1.5, "1"]'::jsonb`, true],
  ["jsonb", `'[1]'`, `'["1"]'::jsonb`, false],
  ["jsonb", `'[9007199254740993]'`, `'[9007199254740992]'::jsonb`, false],
  ["jsonb", `'[1, 2]'`, `'[2, 1]'::jsonb`, false],
  ["jsonb", `'{"a":"#0.1e1"}'`, `'{"a": 1}'::jsonb`, false],
  ["jsonb", `'{"a":'`, `'{"a"'`, false],
  ["json", `'{"b":1,"a":2}'`, `'{"a":2,"b":1}'::json`, false],
  ["numeric(10,2)", "'1.50'", "1.5", true],
  ["numeric", "1e21", "'1000000000000000000000'::numeric", true],
  ["numeric", "'-0.10'", "'-0.1'::numeric", true],
  ["numeric", "'0.1'", "'-0.1'::numeric", false],
  ["numeric", "'10'", "'1'::numeric", false],
  ["integer", "-1", "'-1'::integer", true],
  ["bigint", "9007199254740993", "9007199254740992", false],
  ["double precision", "1e-7", "0.0000001", true],
  ["double precision", "'NaN'", "'nan'::double precision", true],
  ["real", "1.5", "1.6", false],
  ["boolean", "'t'", "true", true],
  ["boolean", "true", "false", false],
  ["date", "'2024-02-29T00:00:00'", "'2024-02-29'::date", true],
  ["time without time zone", "'12:30'", "'12:30:00'::time without time zone", true],
  ["time(3) without time zone", "'12:30:00.500'", "'12:30:00.5'::time without time zone", true],
  [
    "timestamp without time zone",
    "'2024-02-29T12:00:00.250Z'",
    "'2024-02-29 12:00:00.25'::timestamp without time zone",
    true,
  ],
  ["timestamp with time zone", "'2024-02-29 01:00:00+02:30'", "'2024-02-28 22:30:00+00'", true],
  ["timestamp with time zone", "'2024-02-29 01:00:00+02'", "'2024-02-29 01:00:00+00'", false],
  ["timestamp without time zone", "'2024-02-29 12:00:00.1'", "'2024-02-29 12:00:00.2'", false],
  ["timestamp without time zone", "'tomorrow'", "'yesterday'", false],
  ["interval", "'90 minutes'", "'01:30:00'::interval", true],
  ["interval", "'1 year 2 mons 3 days'", "'14 months 3 days'", true],
  ["interval", "'-1 day +02:03:04'", "'-1 days +02:03:04'::interval", true],
  ["interval", "'1 month'", "'30 days'", false],
  ["interval", "'1 fortnight'", "'2 fortnights'", false],
  ["uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", true],
  ["inet", "'10.0.0.1/32'", "'10.0.0.1'::inet", true],
  ["macaddr", "'08-00-2B-01-02-03'", "'08:00:2b:01:02:03'::macaddr", true],
  ["point", "'(1, 2.5)'", "'(1,2.5)'::point", true],
  ["bytea", "'\\xAB'", "'\\xab'::bytea", true],
  ["text[]", `'{ "a","b c" }'`, "'{a,\"b c\"}'::text[]", true],
  ["text[]", `'{"NULL",NULL}'`, `'{NULL,NULL}'::text[]`, false],
  ["text[]", `'{"a,b"}'`, `'{a,b}'::text[]`, false],
  ["text[]", `'{"it''s \\"so\\""}'`, `'{"it''s \\"so\\""}'::text[]`, true],
  ["integer[]", "'{{1,2},{3,4}}'::int[]", "'{{1,2},{3,4}}'::integer[]", true],
  ["integer[]", "'{{1,2},{3,4}}'", "'{1,2,3,4}'::integer[]", false],
  ["boolean[]", "'{true,false}'", "'{t,f}'::boolean[]", true],
  ["jsonb[]", `'{"{\\"b\\":1,\\"a\\":2}"}'`, `'{"{\\"a\\": 2, \\"b\\": 1}"}'::jsonb[]`, true],
  ["text[]", "'{a'", "'{a,'", false],
  ["text", "'1.50'", "'1.5'::text", false],
  ["time without time zone", "'10:00 PM'", "'10:00:00'::time without time zone", false],
  ["time without time zone", "'12:30:45-05'", "'12:30:45'::time without time zone", false],
  ["date", "'0044-03-15 BC'", "'0044-03-15'::date", false],
  ["date", "'2024-02-29T12:00:00.000Z'", "'2024-02-29'::date", true],
  ["timestamp without time zone", "'12024-01-01 00:00:00'", "'12025-01-01 00:00:00'", false],
  ["timestamp without time zone", "'2024-02-29 12:00'::date", "'2024-02-29 12:00:00'", false],
  ["text", "'abc'::varchar(2)", "'abc'::text", false],
  ["text", "'abc'::varchar(2)", "'abc'::character varying(2)", true],
  ["text", "'abc::varchar(2)'", "'abc::varchar(2)'::text", true],
  ["character(1)", "'d'::char", "'d'::character(1)", true],
  ["character(2)", "'de'::character", "'de'::bpchar", true],
  ["numeric", "1.555::numeric(10,2)", "1.555", false],
  ["interval(3)", "'90 minutes'", "'01:30:00'::interval(3)", true],
  ["double precision", "-1e-7", "'-0.0000001'::numeric", true],
  ["text", "lower('A')", "lower('A'::text)", true],
];
for (const [type, written, other, same] of cases) {
  test(`isSameDefault() takes ${written} of ${type} ${same ? "for" : "not for"} ${other}`, () => {
    assert.equal(isSameDefault([written, other], type, "postgresql"), same);
    assert.equal(isSameDefault([other, written], type, "postgresql"), same);
  });
}

test("isSameDefault() compares expressions on SQLite, which keeps what was written", () => {
  assert.equal(isSameDefault([`'{"b":1,"a":2}'`, `'{"a": 2, "b": 1}'`], "TEXT", "sqlite"), false);
  assert.equal(isSameDefault(["(1)", "1"], "INTEGER", "sqlite"), true);
});
