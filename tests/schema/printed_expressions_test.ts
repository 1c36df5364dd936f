import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { openProject } from "../support/samples/schema_project.ts";
import {
  type PostgresVersion,
  sharedPostgres,
  withFreshPostgres,
} from "../support/servers/postgres_server.ts";

/** What PostgreSQL prints otherwise than it was written, wherever a table has expressions. */
const checks = [
  "trim(s) <> '' and trim(leading 'x' from s) <> '' and rtrim(s) <> ''",
  "cast(n as text) <> '7' and cast(s as varchar(3)) <> 'abc'",
  "case when n > 1 then 'a' else 'b' end <> 'c' and case n when 7 then false else true end",
  "extract(year from d) > 1900 and date_part('month', d) > 0",
  "substring(s from 1 for 3) <> 'abc' and substring(s for 2) <> 'zz' and position('z' in s) = 0",
  "overlay(s placing 'x' from 1 for 2) <> 'y' and s similar to '%' and s not like 'a#%' escape '#'",
  "ts at time zone 'utc' < now() at time zone 'utc' + interval '36 hours'",
  "coalesce(s, 'x') <> nullif(s, 'y') and greatest(n, 1, 2) > least(n, 0)",
  "r <> '[2024-01-01,2024-02-01)' and r <> '[2024-01-01,2024-02-01]'::tstzrange",
  "ts < current_timestamp + interval '1 day' and s is distinct from 'q'",
  "jb ->> 'a' <> 'x' and (jb -> 'b') is not null and not jb @> '{\"c\":1}'",
  "not (d, interval '1 day') overlaps (date '1800-01-01', date '1800-02-01')",
  "(array[1, n])[1:2] <> array[7] and array[[1, n], [2, n]] <> '{}' and s <> all (array['zz', 'yy'])",
  "s <> U&'d\\0061t!' and s <> U&'d!0061t' uescape '!' and s <> e'a\\n\\'b' and s <> $$it's$$ and b'11' <> x'1F'",
  "substring(s similar 'z#\"_#\"z' escape '#') is null and substring(s from 'z#\"_#\"z' for '#') is null",
  "n operator(pg_catalog.+) 1 > -9 and n not between symmetric 900 and 700 and n <> 1e9 and n > -.5",
  "(n, s) <= (1000, 'zzz') and row(n, s) <> row(7, 'x') and (n, s) is distinct from (7, 'y')",
  "ts + interval '1' day > ts and ts + interval '1-2' year to month > ts and ts + interval '1:30' minute to second > ts",
  "not jb @? '$.a[*] ? (@ > 2)' and not jb @@ '$.b > 2' and not jb ?| array['c', 'd'] and s not ilike all (array['%zz', 'yy'])",
  "n::float(20) > -9 and n::numeric(10,2) > -9 and timestamp(3) '2020-01-01' < ts and current_date is not null",
  "n <> '7' and n <= '1000' and coalesce(n, '5') + '1' <> '0' and n not in ('7', '8') and ok <> 'f' and ok in ('t', 'f')",
  "ok = 't' and fee >= '-0.50' and fee > '-1.5'::numeric(5,2) and times <> array['1:00']::time[]",
  "s collate \"C\" <> 'a' and n not between 7 and 9 and ts > '2020-01-01'",
];

const schemaText = `
import { sql } from "drizzle-orm";
import { boolean, check, customType, date, index, integer, interval, jsonb, numeric, pgSchema, pgTable, pgView, text, time, timestamp } from "drizzle-orm/pg-core";
const raw = (type: string) => customType<{ data: string }>({ dataType: () => type });
const tstzrange = raw("tstzrange");
export const inner = pgSchema("inner");
export const kind = inner.enum("Kind", ["a", "it's"]);
export const order = inner.enum("order", ["up"]);
export const numbers = inner.sequence("numbers");
export const dialects = ["postgresql"];
export const q = pgTable("q", {
  n: integer().primaryKey(),
  s: text().default(sql\`substring('abcdef' from 1 for 3)\`),
  cut: text().default(sql\`trim(both 'x' from 'xax')\`),
  none: text().default(sql\`NULL\`),
  kind: text().default(sql\`case when now() > '2020-01-01' then cast(1 as text) end\`),
  d: date().default(sql\`current_date\`),
  ts: timestamp({ withTimezone: true }).default(sql\`current_timestamp\`),
  local: timestamp().default(sql\`(now() at time zone 'utc')\`),
  year: integer().default(sql\`extract(year from now())\`),
  r: tstzrange().default(sql\`'[2024-01-01,2024-02-01)'::tstzrange\`),
  jb: jsonb(),
  ok: boolean().default(sql\`'yes'\`),
  fee: numeric({ precision: 4 }).default("1"),
  number: integer().default(sql\`nextval('inner.numbers')\`),
  kinds: kind().array().default(["a", "it's"]),
  order: order().default("up"),
  at: time({ precision: 3 }).default(sql\`time(3) '8:30'\`),
  times: time().array().default(sql\`array['8:30']::time[]\`),
  moments: timestamp().array().default(sql\`array['2020-1-1 8:00'::timestamp]\`),
  counts: integer().array().default(sql\`array['1','2']::int[]\`),
  for: interval({ fields: "second", precision: 3 }).default("2.25 s"),
  long: interval().default("1.5 days"),
  bits: raw("varbit(5)")().default(sql\`B'101'\`),
  short_float: raw("float(10)")(),
  loud: raw("TIMESTAMPTZ(3)")().default(sql\`NOW()\`),
  net: raw("cidr")().default(sql\`'10/8'\`),
  spans: raw("int8multirange")().default(sql\`'{[1,5],(7,8]}'\`),
  words: raw("tsquery")().default(sql\`'a & !b'\`),
  short: text().generatedAlwaysAs(sql\`substring(trim(s) from 1 for 3)\`),
  month: integer().generatedAlwaysAs(sql\`cast(extract(month from d) as integer)\`),
  size: text().generatedAlwaysAs(sql\`case when n > 9 then 'large' when n > 3 then 'some' else 'few' end\`),
}, (t) => [
${checks.map((text, at) => `  check("c${at}", sql.raw(${JSON.stringify(text)})),`).join("\n")}
  index("i1").using("btree", sql\`(jb->>'a') desc nulls last\`, t.n),
  index("i2").on(sql\`trim(s)\`, sql\`(case when n > 1 then 'a' else 'b' end)\`),
  index("i3").on(t.s).where(sql\`substring(s from 1 for 1) = 'a' and extract(year from d) > 2000\`),
  index("i5").on(t.n).where(sql\`n = '5' and ok = 't'\`),
  index("i4").on(sql\`((s collate "C") || 'x')\`, sql\`lower(s) text_pattern_ops\`),
]);
export const some = pgView("some", { n: integer() }).as(sql\`select n from q where ok = 't' and d > '2020-1-5' and n > '5'\`);
`;

for (const version of [15, 18] satisfies readonly PostgresVersion[]) {
  test(`postgres ${version}: expressions that the server prints in its own way are proven, and no drift`, () =>
    withFreshPostgres(version, (url) =>
      withFolder(async (cwd) => {
        const project = openProject(cwd);
        await mkdir(join(cwd, "drizzle"));
        await project.write("schema.ts", schemaText);
        const made = await project.run([
          "generate",
          "Make q",
          "--json",
          "--prove-url",
          await sharedPostgres(version),
        ]);
        assert.equal(made.code, 0, made.stdout + made.stderr);
        assert.deepEqual(made.json<{ proven: readonly string[] }>().proven, ["postgresql"]);
        const upgraded = await project.run(["upgrade", "--database-url", url]);
        assert.equal(upgraded.code, 0, upgraded.stdout + upgraded.stderr);
        const verified = await project.run(["verify", "--skip", "backup", "--database-url", url]);
        assert.equal(verified.code, 0, verified.stdout + verified.stderr);
        await project.edit("trim(leading 'x'", "trim(trailing 'x'");
        const changed = await project.run(["generate", "--check"]);
        assert.equal(changed.code, 3, changed.stdout + changed.stderr);
      })));
}
