import assert from "node:assert/strict";
import { test } from "node:test";
import { isSerial, postgresDefault, postgresType } from "../../src/sql/postgres_spelling.ts";

// What is written in DDL, and what format_type of PostgreSQL 15 prints.
const types = [
  ["serial", "integer"],
  ["bigserial", "bigint"],
  ["serial8", "bigint"],
  ["serial4", "integer"],
  ["serial2", "smallint"],
  ["INT4", "integer"],
  ["text", "text"],
  ["bool", "boolean"],
  ["varchar", "character varying"],
  ["varchar(36)", "character varying(36)"],
  ["VARCHAR (36)", "character varying(36)"],
  ["character varying(36)", "character varying(36)"],
  ["char", "character(1)"],
  ["char(2)", "character(2)"],
  ["nchar", "character(1)"],
  ["nchar(3)", "character(3)"],
  ["char varying(3)", "character varying(3)"],
  ["national character varying(3)", "character varying(3)"],
  ["varchar(3)[]", "character varying(3)[]"],
  ["integer[3][]", "integer[]"],
  ["timestamp", "timestamp without time zone"],
  ["timestamp(3)", "timestamp(3) without time zone"],
  ["timestamp (3) with time zone", "timestamp(3) with time zone"],
  ["timestamptz", "timestamp with time zone"],
  ["timestamptz(6)", "timestamp(6) with time zone"],
  ["time", "time without time zone"],
  ["numeric(10, 2)", "numeric(10,2)"],
  ["decimal", "numeric"],
  ["numeric(4)", "numeric(4,0)"],
  ["decimal(4)[]", "numeric(4,0)[]"],
  ["float8", "double precision"],
  ["float", "double precision"],
  ["float(10)[]", "real[]"],
  ["FLOAT(25)", "double precision"],
  ["double precision", "double precision"],
  ["jsonb", "jsonb"],
] as const;
for (const [written, printed] of types) {
  test(`postgresType() prints ${written} as ${printed}`, () => assert.equal(postgresType(written), printed));
}

// What is written in DDL, its column's type, and what pg_get_expr of PostgreSQL 15 prints.
const defaults = [
  ["'local'", "character varying(20)", "'local'::character varying"],
  ["'it''s'", "text", "'it''s'::text"],
  [
    "'2020-01-01 00:00:00'",
    "timestamp without time zone",
    "'2020-01-01 00:00:00'::timestamp without time zone",
  ],
  ["-1", "integer", "'-1'::integer"],
  ["1", "integer", "1"],
  ["true", "boolean", "true"],
  ["now()", "timestamp without time zone", "now()"],
  ["'a' || 'b'", "text", "'a' || 'b'"],
] as const;
for (const [written, type, printed] of defaults) {
  test(`postgresDefault() prints ${written} of ${type} as ${printed}`, () => {
    assert.equal(postgresDefault(written, type), printed);
  });
}

test("isSerial() knows the serial types only", () => {
  assert.deepEqual(["serial", "BIGSERIAL", "smallserial", "serial8", "integer", "serial4x"].map(isSerial), [
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});
