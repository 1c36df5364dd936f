import { bytea } from "harbor-db";
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";

/** A column that both dialects can have. */
export interface ColumnWord {
  /** The function of pg-core, or of harbor-db, that it is made with. */
  readonly word: string;
  readonly what: string;
  make(): pg.PgColumnBuilderBase;
  /** Its line in the DDL of each dialect, under the name `c`. */
  readonly sqlite: string;
  readonly postgresql: string;
  /** A value that a program writes and reads back. */
  readonly value: unknown;
}

const mood = pg.pgEnum("mood", ["calm", "it's rough"]);
enum Wind {
  Calm = "calm",
  Gale = "gale",
}
const wind = pg.pgEnum("wind", Wind);
/** A type under a name that Drizzle has no word for. */
const named = (type: string) => pg.customType<{ data: string }>({ dataType: () => type });

type Row = readonly [
  word: string,
  what: string,
  make: () => pg.PgColumnBuilderBase,
  sqlite: string,
  postgresql: string,
  value: unknown,
];

const day = new Date("2024-02-29T00:00:00Z");
const moment = new Date("2024-02-29T12:34:56.250Z");

/** One row a column: what it is made with, its DDL on SQLite and PostgreSQL, and a value. */
const rows: readonly Row[] = [
  ["integer", "a number", () => pg.integer(), "INTEGER", "integer", -7],
  ["smallint", "a small number", () => pg.smallint(), "SMALLINT", "smallint", 7],
  ["bigint", "a large number", () => pg.bigint({ mode: "number" }), "BIGINT", "bigint", 2 ** 40],
  ["bigint", "a large number as bigint", () => pg.bigint({ mode: "bigint" }), "BIGINT", "bigint", 2n ** 50n],
  ["boolean", "yes or no", () => pg.boolean(), "BOOLEAN", "boolean", false],
  ["text", "a text", () => pg.text(), "TEXT", "text", "it's"],
  ["text", "a text of listed values", () => pg.text({ enum: ["a", "b"] }), "TEXT", "text", "b"],
  ["varchar", "a text with a limit", () => pg.varchar({ length: 36 }), "VARCHAR(36)", "varchar(36)", "x"],
  ["varchar", "a text without a limit", () => pg.varchar(), "VARCHAR", "varchar", "x"],
  ["char", "a text of one length", () => pg.char({ length: 2 }), "CHAR(2)", "char(2)", "de"],
  ["real", "a short float", () => pg.real(), "REAL", "real", 1.5],
  ["doublePrecision", "a float", () => pg.doublePrecision(), "DOUBLE", "double precision", 0.1],
  [
    "numeric",
    "digits",
    () => pg.numeric({ precision: 10, scale: 2 }),
    "NUMERIC(10,2)",
    "numeric(10, 2)",
    "1.50",
  ],
  ["numeric", "digits as number", () => pg.numeric({ mode: "number" }), "NUMERIC", "numeric", 1.25],
  [
    "numeric",
    "digits as bigint",
    () => pg.numeric({ mode: "bigint", precision: 15 }),
    "NUMERIC(15)",
    "numeric(15)",
    12n,
  ],
  ["json", "json", () => pg.json(), "JSON", "json", { a: ["it's", null] }],
  ["jsonb", "jsonb", () => pg.jsonb(), "JSON", "jsonb", [1, { b: true }]],
  ["jsonb", "jsonb of a number", () => pg.jsonb(), "JSON", "jsonb", 5],
  ["uuid", "a UUID", () => pg.uuid(), "UUID", "uuid", "00000000-0000-4000-8000-00000000000a"],
  ["bytea", "bytes", () => bytea(), "BLOB", '"bytea"', new Uint8Array([0, 39, 255])],
  ["date", "a day", () => pg.date(), "DATE", "date", "2024-02-29"],
  ["date", "a day as Date", () => pg.date({ mode: "date" }), "DATE", "date", day],
  ["time", "a time of day", () => pg.time(), "TIME", "time", "12:34:56"],
  ["time", "a precise time of day", () => pg.time({ precision: 6 }), "TIME", "time(6)", "12:34:56.250001"],
  ["timestamp", "a moment", () => pg.timestamp(), "DATETIME", "timestamp", moment],
  [
    "timestamp",
    "a moment as text",
    () => pg.timestamp({ mode: "string" }),
    "DATETIME",
    "timestamp",
    "2024-02-29 12:34:56",
  ],
  [
    "timestamp",
    "a moment of milliseconds",
    () => pg.timestamp({ precision: 3 }),
    "DATETIME",
    "timestamp (3)",
    moment,
  ],
  [
    "timestamp",
    "a moment with a zone",
    () => pg.timestamp({ withTimezone: true }),
    "DATETIME",
    "timestamp with time zone",
    moment,
  ],
  [
    "timestamp",
    "a moment with a zone as text",
    () => pg.timestamp({ withTimezone: true, mode: "string" }),
    "DATETIME",
    "timestamp with time zone",
    "2024-02-29 12:34:56+00",
  ],
  [
    "pgEnum",
    "an enum type",
    () => mood(),
    "TEXT,\n CONSTRAINT \"t_c_check\" CHECK(\"c\" IN ('calm', 'it''s rough'))",
    '"mood"',
    "it's rough",
  ],
  [
    "pgEnum",
    "an enum type of an enum",
    () => wind(),
    "TEXT,\n CONSTRAINT \"t_c_check\" CHECK(\"c\" IN ('calm', 'gale'))",
    '"wind"',
    Wind.Gale,
  ],
  [
    "customType",
    "a custom type of a known name",
    () => named("varchar(9)")(),
    "VARCHAR(9)",
    "varchar(9)",
    "x",
  ],
  [
    "customType",
    "a custom type by another name",
    () => named("character varying(9)")(),
    "VARCHAR(9)",
    "character varying(9)",
    "x",
  ],
  [
    "generatedAlwaysAs",
    "a generated column",
    () => pg.text().generatedAlwaysAs(sql`"d" || '!'`),
    "TEXT GENERATED ALWAYS AS (\"d\" || '!') VIRTUAL",
    "text GENERATED ALWAYS AS (\"d\" || '!') STORED",
    undefined,
  ],
];

/** Every column that both dialects can have, but for keys. */
export const columnWords: readonly ColumnWord[] = rows.map((
  [word, what, make, sqlite, postgresql, value],
) => ({
  word,
  what,
  make,
  sqlite,
  postgresql,
  value,
}));
