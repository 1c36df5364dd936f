/** What SQLite declares for a column type of PostgreSQL, or why it cannot and what to use instead. */
export type SqliteType =
  | { readonly type: string }
  | { readonly state: string; readonly instead: string };

interface TypeRow {
  /** Matches the type as PostgreSQL's DDL has it, in lower case. */
  readonly pattern: RegExp;
  /** What SQLite declares; `$1` and so on stand for what the pattern caught. */
  readonly type: string;
}

/**
 * The types by their names in PostgreSQL's DDL. SQLite's are spelled as SQLAlchemy spells them, which is how the
 * databases look that Alembic made; each has a form of its own in `value_forms`.
 */
export const keptTypes: readonly TypeRow[] = [
  { pattern: /^(?:small|big)?serial$/, type: "INTEGER" },
  { pattern: /^int(?:eger|4)?$/, type: "INTEGER" },
  { pattern: /^(?:smallint|int2)$/, type: "SMALLINT" },
  { pattern: /^(?:bigint|int8)$/, type: "BIGINT" },
  { pattern: /^bool(?:ean)?$/, type: "BOOLEAN" },
  { pattern: /^text$/, type: "TEXT" },
  { pattern: /^(?:varchar|character varying)(\(\d+\))?$/, type: "VARCHAR$1" },
  { pattern: /^char(?:acter)?(\(\d+\))?$/, type: "CHAR$1" },
  { pattern: /^(?:real|float4)$/, type: "REAL" },
  { pattern: /^(?:double precision|float8)$/, type: "DOUBLE" },
  { pattern: /^(?:numeric|decimal)(\(\d+(?:,\d+)?\))?$/, type: "NUMERIC$1" },
  { pattern: /^jsonb?$/, type: "JSON" },
  { pattern: /^uuid$/, type: "UUID" },
  { pattern: /^bytea$/, type: "BLOB" },
  { pattern: /^date$/, type: "DATE" },
  { pattern: /^time(?:\(\d\))?(?: without time zone)?$/, type: "TIME" },
  { pattern: /^timestamp(?:tz)?(?:\(\d\))?(?: with(?:out)? time zone)?$/, type: "DATETIME" },
];

interface Refusal {
  readonly pattern: RegExp;
  readonly what: string;
  readonly instead: string;
}

const refused: readonly Refusal[] = [
  { pattern: /\]$/, what: "arrays", instead: "jsonb(), or a table of its own with a row for each value" },
  { pattern: /^interval/, what: "intervals", instead: "integer() for the seconds" },
  { pattern: /^time(?:tz)?(?:\(\d\))?/, what: "times of day with a zone", instead: "time(), or timestamp()" },
  { pattern: /^(?:inet|cidr|macaddr8?)$/, what: "network addresses", instead: "text(), with a check" },
  {
    pattern: /^(?:point|line|lseg|box|path|polygon|circle)$/,
    what: "shapes",
    instead: "doublePrecision() columns, or jsonb()",
  },
  {
    pattern: /^(?:geometry|geography)/,
    what: "PostGIS",
    instead: "doublePrecision() columns, or jsonb() with GeoJSON",
  },
  {
    pattern: /^(?:halfvec|sparsevec|vector)/,
    what: "vectors",
    instead: 'bytea() from "harbor-db", or jsonb()',
  },
  { pattern: /^bit/, what: "bit strings", instead: 'integer(), or bytea() from "harbor-db"' },
  { pattern: /range$/, what: "ranges", instead: "two columns, for the lower and the upper end, and a check" },
  {
    pattern: /^ts(?:vector|query)$/,
    what: "text search",
    instead: "a table of SQLite's FTS5, made in a revision of harbor-db create",
  },
  {
    pattern: /^citext$/,
    what: "text that knows no upper and lower case",
    instead: "text(), and a unique index on lower(…)",
  },
  { pattern: /^money$/, what: "money", instead: "numeric(), or bigint() for the smallest coin" },
  { pattern: /^(?:xml|hstore)$/, what: "xml and hstore", instead: "text(), or jsonb()" },
];

/** Returns what SQLite declares for a type of PostgreSQL's, given as its DDL has it. */
export function sqliteType(postgresType: string): SqliteType {
  const written = postgresType.toLowerCase().replaceAll(/\s+/g, " ").replaceAll(/ ?([(),]) ?/g, "$1")
    // `timestamp(3)with time zone`
    .replace(/\)(?=[a-z])/, ") ").trim();
  const row = keptTypes.find(({ pattern }) => pattern.test(written));
  // A part that is not there, such as a length, is left out.
  if (row !== undefined) {
    return { type: row.type.replace("$1", row.pattern.exec(written)![1] ?? "") };
  }
  const refusal = refused.find(({ pattern }) => pattern.test(written));
  return refusal === undefined
    ? {
      state: `it is not known what ${postgresType} is on SQLite`,
      instead: "a column type that docs/schema.md lists",
    }
    : { state: `SQLite has no ${refusal.what}, such as ${postgresType}`, instead: refusal.instead };
}
