import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { becameColumn, keptRow } from "../../../engines/kept_table.ts";
import { ownTable, userStatement } from "../../../engines/statement_names.ts";
import type { Column, OtherObject, Table } from "../../../schema/snapshot.ts";
import { quoteText } from "../../../sql/quote.ts";
import { isBuiltIn } from "../../../sql/built_in_type.ts";
import { affinityOf } from "../../../sql/affinity.ts";

/** A side table to make. */
export interface SideTable {
  readonly name: string;
  /** The table that it keeps rows of. */
  readonly source: Table;
  /** Whether the rows of tables that inherit from it are among them. Left out: they are. */
  readonly withHeirs?: boolean;
  /** The columns whose values it gets, in this order. */
  readonly columns: readonly Column[];
  /**
   * The columns that get what a conversion makes of values, `harbor_became_1` and on: each with the affinity that makes it of
   * what is put there; `null` where it is put there as it is.
   */
  readonly became: readonly (string | null)[];
  /** Which rows; `null` for all. */
  readonly where: SQL | null;
  /** In the order of these columns, so that neighbours are put back together. */
  readonly order: readonly string[];
}

/** What the dialects say differently about kept data. */
export interface Words {
  /** Keeps everybody else from a table until the transaction ends. */
  readonly lock: (table: string) => readonly SQL[];
  /** Ends a query whose rows nobody else is to change until the transaction ends. */
  readonly hold: SQL;
  readonly makeSideTable: (side: SideTable) => readonly SQL[];
  /** Lets a side table number rows that come later. */
  readonly numberRows: (side: string) => readonly SQL[];
  /** How much is in columns of a table, about. */
  readonly bytes: (table: string, columns: readonly string[]) => SQL;
  /** A value as a side table holds it, which needs no type of the user's. */
  readonly aside: (value: SQL, column: Column) => SQL;
  /** A value of a side table as its column takes it. */
  readonly back: (value: SQL, column: Column) => SQL;
  /** Whether a row's key is the one of a side table. */
  readonly isKey: (own: SQL, kept: SQL, column: Column) => SQL;
  /** What holds of rows `t` and `k` with the same values, and is quickly found, where that is not so of the values themselves. */
  readonly isLikely: (columns: readonly Column[], nameInTable: (name: string) => string) => readonly SQL[];
  /** A value as it is stored, so that comparing it with a side table's can use an index of that. */
  readonly bare: (value: SQL) => SQL;
  /** Whether two values are one, in every respect. */
  readonly isSame: (a: SQL, b: SQL) => SQL;
  /** Whether a value is what a literal gives its column. */
  readonly isGiven: (value: SQL, literal: string) => SQL;
  /** Asks for a literal as {@link Words.isGiven} compares it; `null` where it is taken as it is written. */
  readonly readGiven: (literal: string, column: Column) => SQL | null;
  /** A value as a side table notes it as the result of a conversion: of an expression, to the type of its column. */
  readonly became: (value: SQL, column: Column | null) => SQL;
  /** What became of a value of a column that had a type then, as a side table notes it: as the type reads it. */
  readonly result: (value: SQL, type: string) => SQL;
  /** Whether a value of a type stayed through a conversion and the ordinary cast back from what became of it. */
  readonly hasStayed: (value: SQL, became: SQL, type: string) => SQL;
  /** The type of a column that is added for that. */
  readonly noteType: SQL;
  /** Whether a value is still the one that a conversion made, in the spelling of either side. */
  readonly isStill: (value: SQL, became: SQL) => SQL;
  /** Whether a value of a column is what an ordinary cast back makes of the result of a conversion. */
  readonly isMade: (value: SQL, became: SQL, column: Column) => SQL;
  /** Stops a trigger or a rule, and lets it fire as before. */
  readonly pause: (listener: Listener, table: string) => Pause;
  /** Asks for the rules that fire when rows of a table are written, as {@link Listener}; `null` where there are no such things. */
  readonly readRules: (table: string) => SQL | null;
  /** Asks which of the host's tables, called as the snapshot does, can be looked at; `null` where there is no host. */
  readonly readHosts: (tables: readonly string[]) => SQL | null;
  /** Asks for the columns of the tables in schemas, by `schema`, `table`, `name` and `type`; `null` where there are no schemas. */
  readonly readColumns: (schemas: readonly string[]) => SQL | null;
  /** What stands between the columns and the rows of an INSERT that says itself what the database would make. */
  readonly overriding: SQL;
  /** Moves the counter that makes a column's values behind those that are there. */
  readonly advance: (table: string, column: string, sequence: string | null) => SQL | null;
}

/** What fires when rows are written. */
export interface Listener extends Pick<OtherObject, "name" | "sql"> {
  readonly kind: "trigger" | "rule";
  /** As PostgreSQL says it: `O` always, `D` never, `R` and `A` by the role of the session. */
  readonly fires: "D" | "R" | "A" | "O";
}

interface Pause {
  readonly before: readonly SQL[];
  readonly after: readonly SQL[];
}

const id = sql.identifier;
const row = id(keptRow);

/** See {@link Words}. */
export const words: Readonly<Record<Dialect, Words>> = {
  sqlite: {
    // BEGIN IMMEDIATE did.
    lock: () => [],
    hold: sql``,
    makeSideTable: ({ name, source, columns, became, where, order }) => {
      const names = columns.map((column) => sql`, ${id(column.name)}`);
      const results = became.map((affinity, place) =>
        sql`, ${id(becameColumn(place))}${affinity === null ? sql`` : sql.raw(` ${affinity}`)}`
      );
      return [
        // Without types, so that each value stays of the class that it is stored as.
        sql`CREATE TABLE ${ownTable(name)} (${row} INTEGER PRIMARY KEY${sql.join([...names, ...results])})`,
        sql`INSERT INTO ${ownTable(name)} (${list(columns.map((column) => id(column.name)))}) SELECT ${
          list(columns.map((column) => sql`t.${id(column.name)}`))
        } FROM ${ownTable(source.name)} AS t${condition(where)}${orderBy(order)}`,
      ];
    },
    numberRows: () => [],
    bytes: (table, columns) =>
      sql`(SELECT coalesce(sum(${
        sum(columns.map((name) => sql`coalesce(length(CAST(t.${id(name)} AS BLOB)), 0)`))
      }), 0) FROM ${ownTable(table)} AS t)`,
    aside: (value) => value,
    back: (value) => value,
    isKey: (own, kept) => sql`${own} IS ${kept}`,
    isLikely: () => [],
    bare: (value) => sql`+${value}`,
    isSame: (a, b) => sql`(${a} IS ${b} COLLATE BINARY AND typeof(${a}) = typeof(${b}))`,
    isGiven: (value, literal) => sql`(${value} IS ${sql.raw(literal)} COLLATE BINARY)`,
    readGiven: () => null,
    became: (value) => value,
    result: (value) => value,
    hasStayed: (value, became, type) => {
      const comesBack = ofClass[affinityOf(type)]?.(value, became) ?? sql`FALSE`;
      return sql`(${
        words.sqlite.isStill(value, became)
      } AND (typeof(${value}) = typeof(${became}) OR ${comesBack}))`;
    },
    noteType: sql``,
    isStill: (value, became) => sql`(CAST(${value} AS TEXT) IS CAST(${became} AS TEXT) COLLATE BINARY)`,
    isMade: (value, became) => sql`(${value} IS ${became} COLLATE BINARY)`,
    pause: ({ name, sql: text }) =>
      text === null
        ? { before: [], after: [] }
        : { before: [sql`DROP TRIGGER IF EXISTS ${ownTable(name)}`], after: [sql.raw(text)] },
    readRules: () => null,
    readHosts: () => null,
    readColumns: () => null,
    overriding: sql``,
    advance: () => null,
  },
  postgresql: {
    lock: (table) => [sql`LOCK TABLE ${ownTable(table)} IN ACCESS EXCLUSIVE MODE`],
    // Rows that refer to them may come meanwhile.
    hold: sql` FOR NO KEY UPDATE`,
    makeSideTable: ({ name, source, withHeirs = true, columns, became, where, order }) => {
      const values = columns.map((column) =>
        sql`, ${words.postgresql.aside(sql`t.${id(column.name)}`, column)} AS ${id(column.name)}`
      );
      const results = became.map((_, place) => sql`, CAST(NULL AS text) AS ${id(becameColumn(place))}`);
      return [
        sql`CREATE TABLE ${ownTable(name)} AS SELECT row_number() OVER (${orderBy(order)}) AS ${row}${
          sql.join([...values, ...results])
        } FROM ${withHeirs ? sql`` : sql`ONLY `}${ownTable(source.name)} AS t${condition(where)}`,
        sql`ALTER TABLE ${ownTable(name)} ADD PRIMARY KEY (${row})`,
      ];
    },
    numberRows: (side) => [
      sql`ALTER TABLE ${ownTable(side)} ALTER COLUMN ${row} ADD GENERATED BY DEFAULT AS IDENTITY`,
    ],
    bytes: (table) => sql`(SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM ${ownTable(table)} AS t)`,
    // A type of the user's in a side table would keep its own DROP TYPE from working.
    aside: (value, { type }) => isBuiltIn(type) ? value : sql`CAST(${value} AS text)`,
    back: (value, { type }) => isBuiltIn(type) ? value : sql`CAST(${value} AS ${sql.raw(type)})`,
    isKey: (own, kept, { type, notNull }) =>
      notNull && isBuiltIn(type) && !hasNoEquality.test(type)
        ? sql`${own} = ${kept}`
        : sql`${text(own)} IS NOT DISTINCT FROM ${text(kept)}`,
    isLikely: (columns, nameInTable) => [
      sql`${sameness("t", columns.map(({ name }) => nameInTable(name)))} = ${
        sameness("k", columns.map(({ name }) => name))
      }`,
    ],
    bare: (value) => value,
    // As text, since some types have no operator for it.
    isSame: (a, b) => sql`(${text(a)} IS NOT DISTINCT FROM ${text(b)})`,
    isGiven: (value, literal) => sql`(${text(value)} IS NOT DISTINCT FROM ${sql.raw(literal)})`,
    readGiven: (literal, { type }) =>
      literal === "NULL"
        ? null
        : userStatement(sql`SELECT CAST(CAST(${sql.raw(literal)} AS ${sql.raw(type)}) AS text) AS value`),
    became: (value, column) =>
      sql`CAST(${column === null ? value : sql`CAST(${value} AS ${sql.raw(column.type)})`} AS text)`,
    result: (value, type) => {
      const noted = words.postgresql.became(value, null);
      const [found, dimensions] = /^double precision((?:\[\])*)$/.exec(type) ?? [];
      if (found === undefined) return noted;
      const [real, double] = [sql.raw(`real${dimensions}`), sql.raw(found)];
      // A real has the text of the number that it is nearest to, and is another number.
      return sql`CASE WHEN pg_typeof(${value}) = CAST(${
        sql.raw(quoteText(`real${dimensions}`))
      } AS regtype) THEN CAST(CAST(CAST(${noted} AS ${real}) AS ${double}) AS text) ELSE ${noted} END`;
    },
    hasStayed: (value, became) => words.postgresql.isStill(value, became),
    noteType: sql` text`,
    isStill: (value, became) => sql`(${text(value)} IS NOT DISTINCT FROM ${text(became)})`,
    isMade: (value, became, { type }) => {
      const form = readable.find(([types]) => types.test(type))?.[1];
      if (form === undefined) return sql`FALSE`;
      const isLike = (result: SQL) => sql`${text(value)} IS NOT DISTINCT FROM ${text(result)}`;
      const cast = (what: SQL, to: string) => sql`CAST(${what} AS ${sql.raw(to)})`;
      const made = isLike(cast(became, type));
      // What was a real in between has fewer digits.
      const shorter = type === "double precision"
        ? sql` OR ${isLike(cast(cast(became, "real"), type))}`
        : sql``;
      return sql`CASE WHEN ${became} ~ ${sql.raw(quoteText(form))} THEN ${made}${shorter} ELSE FALSE END`;
    },
    pause: ({ kind, name, fires }, table) => {
      if (fires === "D") return { before: [], after: [] };
      const what = sql.raw(kind.toUpperCase());
      const alter = (action: SQL) => sql`ALTER TABLE ${ownTable(table)} ${action} ${what} ${id(name)}`;
      const how = { O: sql`ENABLE`, A: sql`ENABLE ALWAYS`, R: sql`ENABLE REPLICA` };
      return {
        before: [alter(sql`DISABLE`)],
        // What is deferred would keep the table from being altered.
        after: [sql`SET CONSTRAINTS ALL IMMEDIATE`, alter(how[fires])],
      };
    },
    readRules: (table) =>
      // Of the table itself, also of one without rows: what is written through it asks no rule of those that inherit from it.
      sql`SELECT 'rule' AS kind, rulename AS name, NULL AS sql, CAST(ev_enabled AS text) AS fires FROM pg_rewrite WHERE ev_type IN ('2', '3')
      AND ev_enabled <> 'D' AND ev_class = (SELECT typrelid FROM pg_type WHERE oid = pg_typeof(CAST(NULL AS ${
        ownTable(table)
      }))) ORDER BY rulename`,
    readHosts: (tables) =>
      sql`SELECT concat(n.nspname, '.', c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE concat(n.nspname, '.', c.relname) IN (${
        list(tables.map((name) => sql.raw(quoteText(name))))
      }) AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)`,
    readColumns: (schemas) =>
      sql`SELECT n.nspname AS schema, c.relname AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE n.nspname IN (${
        list(schemas.map((name) => sql.raw(quoteText(name))))
      }) AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY n.nspname, c.relname, a.attnum`,
    overriding: sql` OVERRIDING SYSTEM VALUE`,
    advance: (table, column, sequence) =>
      sql`SELECT setval(s.name, s.highest) FROM (SELECT CAST(${
        sequence === null
          ? sql`pg_get_serial_sequence(CAST(CAST(t.tableoid AS regclass) AS text), ${
            sql.raw(quoteText(column))
          })`
          : sql.raw(sequence)
      } AS regclass) AS name, max(t.${id(column)}) AS highest FROM ${
        ownTable(table)
      } AS t GROUP BY t.tableoid) AS s WHERE s.name IS NOT NULL AND s.highest > coalesce(pg_sequence_last_value(s.name), 0)`,
  },
};

/** Whether a column of an affinity makes again of a text or a number the other that it had, and that reads the same. */
const ofClass: Readonly<Record<string, (value: SQL, became: SQL) => SQL>> = {
  text: (value, became) => sql`(typeof(${value}) = 'text' AND ${isNumber(became)})`,
  integer: numberOfText,
  numeric: numberOfText,
  real: numberOfText,
};

function numberOfText(value: SQL, became: SQL): SQL {
  // What is infinite has a text that is no number.
  return sql`(${isNumber(value)} AND ${value} > -9e999 AND ${value} < 9e999 AND typeof(${became}) = 'text')`;
}

function isNumber(value: SQL): SQL {
  return sql`typeof(${value}) IN ('integer', 'real')`;
}

/** Stands for the values of columns of a row, so that rows which have the same find each other by hashing. */
export function sameness(row: string, columns: readonly string[]): SQL {
  const texts = columns.map((name) => sql`CAST(${sql.raw(row)}.${id(name)} AS text)`);
  return sql`sha256(convert_to(CAST(ROW(${list(texts)}) AS text), 'UTF8'))`;
}

function condition(where: SQL | null): SQL {
  return where === null ? sql`` : sql` WHERE ${where}`;
}

/** Types that an ordinary cast leads back to, and the texts that it reads without failing. */
const readable: readonly (readonly [types: RegExp, form: string])[] = [
  [/^(?:numeric|real|double precision)/, "^-?[0-9.]{1,30}(e[-+]?[0-2]?[0-9])?$"],
  [/^timestamp/, "^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.]+)?$"],
];

/** Types that `=` does not compare, or compares by their size. */
const hasNoEquality = /^(?:json\b|jsonpath|xml|point|line|lseg|box|path|polygon|circle)/;

function text(value: SQL): SQL {
  return sql`CAST(${value} AS text) COLLATE "C"`;
}

/** Joins parts with commas. */
export function list(parts: readonly SQLPart[]): SQL {
  return sql.join([...parts], sql`, `);
}

type SQLPart = SQL | ReturnType<typeof sql.identifier>;

function sum(parts: readonly SQL[]): SQL {
  return parts.length === 0 ? sql`0` : sql.join([...parts], sql` + `);
}

function orderBy(order: readonly string[]): SQL {
  return order.length === 0 ? sql`` : sql` ORDER BY ${list(order.map((name) => sql`t.${id(name)}`))}`;
}

/** Returns what says that a row has no NULL in columns of its key. */
export function hasNoNull(columns: readonly Column[], row: string): readonly SQL[] {
  return columns.filter(({ notNull }) => !notNull).map(({ name }) =>
    sql`${sql.raw(row)}.${id(name)} IS NOT NULL`
  );
}

/** Joins conditions of which all must hold. */
export function all(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`TRUE` : sql.join([...conditions], sql` AND `);
}

/** Joins conditions of which one must hold. */
export function any(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`FALSE` : sql`(${sql.join([...conditions], sql` OR `)})`;
}
