import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { isSameExpression } from "../../src/schema/compare_expressions.ts";

// What was written, and what pg_get_expr of PostgreSQL 15 prints of it.
const printed = [
  [
    `"a" IN ('local', 'r2')`,
    `((a)::text = ANY ((ARRAY['local'::character varying, 'r2'::character varying])::text[]))`,
  ],
  [`"c"."a" in ('local')`, `((a)::text = 'local'::text)`],
  ["b between 1 and 5", "((b >= 1) AND (b <= 5))"],
  ["b > 0 and b < 9 and b2 <> 3 or d", "(((b > 0) AND (b < 9) AND (b2 <> 3)) OR d)"],
  ["not d", "(NOT d)"],
  ["a like 'x%' and a not like 'y'", "(((a)::text ~~ 'x%'::text) AND ((a)::text !~~ 'y'::text))"],
  ["a is not null and length(a) > 2", "((a IS NOT NULL) AND (length((a)::text) > 2))"],
  ["(b + 1) * 2 > 4", "(((b + 1) * 2) > 4)"],
  [
    "a not in ('x','y')",
    "((a)::text <> ALL ((ARRAY['x'::character varying, 'y'::character varying])::text[]))",
  ],
  ["a != 'q'", "((a)::text <> 'q'::text)"],
  ["b in (1,2)", "(b = ANY (ARRAY[1, 2]))"],
  ["coalesce(b, 0) >= 0", "(COALESCE(b, 0) >= 0)"],
  ["d is true", "(d IS TRUE)"],
  ["a ~ '^x'", "((a)::text ~ '^x'::text)"],
  ["b - 1 - 2 > -1", "(((b - 1) - 2) > '-1'::integer)"],
  ["lower(a) = a", "(lower((a)::text) = (a)::text)"],
  ["e > now() - interval '1 day'", "(e > (now() - '1 day'::interval))"],
  ["not (d and b > 1)", "(NOT (d AND (b > 1)))"],
  ["a is distinct from 'x'", "((a)::text IS DISTINCT FROM 'x'::text)"],
  ["lower('A' || 'b')", "lower(('A'::text || 'b'::text))"],
  ["case when d then 1 else 2 end", "CASE\n    WHEN d THEN 1\n    ELSE 2\nEND"],
  ["'local'", "'local'::character varying"],
  ["'2020-01-01 00:00:00'", "'2020-01-01 00:00:00'::timestamp without time zone"],
  ["-1", "'-1'::integer"],
  ["1.5", "1.5"],
  ["now()", "now()"],
] as const;
for (const [written, read] of printed) {
  test(`isSameExpression() knows ${written} from PostgreSQL's spelling`, () => {
    assert.equal(isSameExpression(written, read, "postgresql"), true);
    assert.equal(isSameExpression(read, written, "postgresql"), true);
  });
}

const cases: readonly (readonly [rule: string, dialect: Dialect, a: string, b: string, same: boolean])[] = [
  ["tells values apart", "sqlite", "a in ('x','y')", "a in ('x','z')", false],
  ["tells letter case of strings apart", "sqlite", "'Local'", "'local'", false],
  ["tells operators apart", "sqlite", "a < 1", "a <= 1", false],
  ["tells a negation apart", "sqlite", "a is null", "a is not null", false],
  ["tells NOT IN and IN apart", "postgresql", "a not in (1,2)", "(a = ANY (ARRAY[1, 2]))", false],
  ["tells grouping apart", "sqlite", "(a or b) and c", "a or (b and c)", false],
  ["tells the order of a subtraction apart", "sqlite", "a - (b - c)", "(a - b) - c", false],
  ["tells columns apart", "sqlite", '"files"."size" > 0', "pages > 0", false],
  ["tells a column and a string apart", "sqlite", "a = b", "a = 'b'", false],
  ["tells fractions apart", "sqlite", "1.5", "1.6", false],
  ["tells quoted names of PostgreSQL apart by case", "postgresql", `"A" > 0`, "a > 0", false],
  ["takes quoted names of SQLite in any case", "sqlite", "`A` > 0", "[a] > 0", true],
  ["keeps a quoted keyword a name", "postgresql", `"case" > 0`, `("case" > 0)`, true],
  ["drops comments and white space", "sqlite", "a >0 -- more", "a\n> 0", true],
  ["drops needless parentheses", "sqlite", "((a))=(1)", "a = 1", true],
  ["takes == for =", "sqlite", "a == 1", "a = 1", true],
  [
    "compares by words what it does not parse",
    "sqlite",
    "CASE  WHEN a THEN 1 END",
    "case when A then 1 end",
    true,
  ],
  ["tells apart what it does not parse", "sqlite", "case when a then 1 end", "case when a then 2 end", false],
  ["does not stumble over text that is no SQL", "sqlite", "'open", "'other", false],
  ["does not stumble over half an expression", "sqlite", "a >", "a", false],
];
for (const [rule, dialect, a, b, same] of cases) {
  test(`isSameExpression() ${rule}`, () => assert.equal(isSameExpression(a, b, dialect), same));
}
