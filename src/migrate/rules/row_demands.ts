import type { Dialect } from "../../base/dialect.ts";
import { isSameExpression } from "../../schema/compare_expressions.ts";
import { sqliteConversion } from "../../schema/twins/conversion.ts";
import { conditionOn } from "./column_values.ts";
import { type OutOfRange, outOfRange } from "./out_of_range.ts";
import { unreadableAs } from "./unreadable_values.ts";
import type { Check, Column, ForeignKey, Snapshot, Table } from "../../schema/snapshot.ts";
import { columnsIn } from "../../sql/expression_columns.ts";
import { hasParameter } from "../../sql/has_parameter.ts";
import { isArray } from "../../sql/postgres_spelling.ts";
import { markedTable, writeOwnTables } from "../../sql/own_schema.ts";
import { quoteTable } from "../../sql/table_names.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";

/** What the rows of a table must be like for a schema to be put over them. */
export interface Demand {
  readonly kind: "null" | "duplicate" | "too long" | "out of range" | "unreadable" | "not allowed" | "orphan";
  readonly table: string;
  /** The columns that it is about. */
  readonly columns: readonly string[];
  /** All that its query reads, by the names that the schema to come has for it. */
  readonly reads: readonly ReadColumn[];
  /** What is wrong with the rows that break it, in words that follow their number: `have an email that …`. */
  readonly state: string;
  /** A SELECT of the rows that break it, their key first, for people. */
  readonly query: string;
  /** The same to be run, with its tables marked as the own schema's. */
  readonly look: string;
  /** Whether it holds an expression of the schema, whose names are not ours to qualify. */
  readonly hasExpression: boolean;
  /** How the values of a column become those that the demand is about, where a script has to work them out so. */
  readonly worked?: { readonly from: string; readonly text: string } | undefined;
}

/** A column that a demand's query reads. */
export interface ReadColumn {
  readonly table: string;
  readonly column: string;
  /** Whether it stands in an expression, to which NULL may be as good as a value. */
  readonly isTested: boolean;
}

/** Whether what a live schema declares can be relied on. */
interface Trust {
  readonly lengths: boolean;
  readonly references: boolean;
  /** That there is in a column what its type says. */
  readonly types: boolean;
}

const trusts: Readonly<Record<Dialect, Trust>> = {
  // SQLite notes lengths and enforces none. It checks references only for those who ask, and the application does not.
  sqlite: { lengths: false, references: false, types: false },
  postgresql: { lengths: true, references: true, types: true },
};

/**
 * Returns what the rows of the live tables must be like, so that `target` can be put over them: everything that
 * `target` demands and the live schema does not guarantee.
 *
 * @param isTrusted Whether the live schema is relied on in what its engine does not enforce
 */
export function demandsOf(target: Snapshot, live: Snapshot, isTrusted = false): readonly Demand[] {
  const tables = new Map(live.tables.map((table) => [table.name, table]));
  return target.tables.flatMap((table) => {
    const found = tables.get(table.name);
    // A table that a history leaves as it is demands what it had already.
    if (found === undefined || (isTrusted && found === table)) return [];
    const trust = isTrusted ? { lengths: true, references: true, types: true } : trusts[target.dialect];
    const { dialect, schemas } = target;
    const subject: DemandSources = { dialect, schemas, table, found, tables, trust };
    return [
      ...ofColumns(subject),
      ...ofKeys(subject),
      ...table.checks.flatMap((check) => ofCheck(check, subject)),
      ...table.foreignKeys.flatMap((key) => ofReference(key, subject)),
    ];
  });
}

interface DemandSources {
  readonly dialect: Dialect;
  readonly schemas: readonly string[] | undefined;
  readonly table: Table;
  /** The live table. */
  readonly found: Table;
  readonly tables: ReadonlyMap<string, Table>;
  readonly trust: Trust;
}

function ofColumns(subject: DemandSources): readonly Demand[] {
  const { table, found } = subject;
  return table.columns.flatMap((column) => {
    const old = found.columns.find(({ name }) => name === column.name);
    if (old === undefined) return [];
    const name = quoteName(column.name);
    const of = (kind: Demand["kind"], state: string, condition: string) =>
      demand({ kind, state, condition, columns: [column.name] }, subject);
    const length = lengthOf(column);
    const { unreadable, range, worked } = subject.trust.types
      ? judges[subject.dialect](column, old)
      : { unreadable: null, range: null };
    return [
      ...column.notNull && !old.notNull ? [of("null", `have no ${column.name}`, `${name} IS NULL`)] : [],
      ...length === null || isShort(old, column, subject.trust) ? [] : [
        of(
          "too long",
          `have more than ${length} characters in ${column.name}`,
          conditionOn({ old, column }, (value) => `length(${value}) > ${length}`, "TEXT"),
        ),
      ],
      ...range === null
        ? []
        : [of("out of range", `have a ${column.name} beyond ${range.end}`, range.condition)],
      ...unreadable === null ? [] : [{
        ...of("unreadable", `have a ${column.name} that does not fit ${column.type}`, unreadable),
        worked,
      }],
      ...ofValues(column, old).map((condition) =>
        of(
          "not allowed",
          `have a ${column.name} that is not allowed: ${column.type} has no such value`,
          condition,
        )
      ),
    ];
  });
}

/** Which values are none of a column's new type, nor become one. */
interface Unfit extends Pick<Demand, "worked"> {
  readonly unreadable: string | null;
  readonly range: OutOfRange | null;
}

const judges: Readonly<Record<Dialect, (column: Column, old: Column) => Unfit>> = {
  sqlite: ({ name, type }, { type: from }) => {
    const { unfit, worked } = sqliteConversion(from, type, quoteName(name));
    const text = worked === null ? undefined : `CASE WHEN ${worked.when} THEN ${worked.value} ELSE `;
    return { unreadable: unfit, range: null, worked: text === undefined ? undefined : { from, text } };
  },
  postgresql: (column, old) => ({ unreadable: unreadableAs(column, old), range: outOfRange(column, old) }),
};

/** Says which values of a column its enum type has not: those that it loses, or that a text has and it never had. */
function ofValues(column: Column, old: Column): readonly string[] {
  const { values } = column;
  const gone = old.values?.filter((value) => values?.includes(value) === false);
  if (values === undefined || gone?.length === 0 || (isArray(old.type) && !isArray(column.type))) return [];
  const isText = /^(?:text|character varying)\b/.test(old.type);
  if (gone === undefined && !isText) return [];
  const list = (gone ?? values).map(quoteText).join(", ");
  return [
    conditionOn(
      { old, column },
      (value) => `${value} ${gone === undefined ? "NOT " : ""}IN (${list})`,
      "text",
    ),
  ];
}

/** Whether a column's texts surely are no longer than its new type allows. */
function isShort(old: Column, column: Column, { lengths }: Trust): boolean {
  // What is written of a list is longer than what is in it.
  const own = isArray(old.type) !== isArray(column.type)
    ? null
    : /^uuid\b/.test(old.type)
    ? 36
    : lengthOf(old);
  const most = lengthOf(column) ?? Infinity;
  return lengths && own !== null && own <= most;
}

function lengthOf({ type }: Column): number | null {
  const length = /^(?:VARCHAR|CHAR|character(?: varying)?)\((\d+)\)(?:\[\])?$/.exec(type)?.[1];
  return length === undefined ? null : Number(length);
}

/** What may occur once only. */
interface Key {
  readonly columns: readonly string[];
  /** The condition of a partial index. */
  readonly where: string | null;
}

function ofKeys(subject: DemandSources): readonly Demand[] {
  const { table, found, dialect } = subject;
  const guaranteed = keysOf(found);
  return keysOf(table).flatMap(({ columns, where }) => {
    const isThere = columns.every((name) => found.columns.some((column) => column.name === name));
    const isGuaranteed = guaranteed.some((key) =>
      sameNames(key.columns, columns) &&
      (key.where === null || (where !== null && isSameExpression(key.where, where, dialect)))
    );
    const isUnknown = where !== null && hasParameter(where, dialect);
    if (!isThere || isGuaranteed || isUnknown) return [];
    const names = columns.map(quoteName).join(", ");
    const list = columns.length > 1 ? `(${names})` : names;
    const condition = where === null ? "" : ` WHERE ${where}`;
    const repeated = `SELECT ${names} FROM ${
      markedTable(table.name)
    }${condition} GROUP BY ${names} HAVING count(*) > 1`;
    const also = where === null ? "" : ` AND (${where})`;
    return [demand({
      kind: "duplicate",
      columns,
      also: where === null ? [] : columnsIn(where, table.columns, dialect),
      state: `have the same ${columns.join(" and ")} as another`,
      condition: `${list} IN (${repeated})${also}`,
      order: columns,
      hasExpression: where !== null,
    }, subject)];
  });
}

function keysOf(table: Table): readonly Key[] {
  return [
    ...table.primaryKey.length === 0 ? [] : [{ columns: table.primaryKey, where: null }],
    ...table.uniques.map(({ columns }) => ({ columns, where: null })),
    ...table.indexes.filter((index) => index.unique && index.valid).map(({ columns, where }) => ({
      // What occurs once does so in any order.
      columns: columns.map((column) => column.replace(/ (?:DESC|NULLS FIRST)( NULLS LAST)?$/, "")),
      where,
    })),
  ];
}

function ofCheck(check: Check, subject: DemandSources): readonly Demand[] {
  const { table, found, dialect } = subject;
  const isGuaranteed = found.checks.some((each) =>
    each.valid && isSameExpression(each.expression, check.expression, dialect)
  );
  const columns = columnsIn(check.expression, table.columns, dialect);
  const isThere = columns.every((name) => found.columns.some((column) => column.name === name));
  if (isGuaranteed || !isThere || hasParameter(check.expression, dialect)) return [];
  const state = `have a ${columns.join(" or ")} that is not allowed: ${check.expression}`;
  return [
    demand(
      {
        kind: "not allowed",
        columns,
        state,
        condition: `NOT (${check.expression})`,
        also: columns,
        hasExpression: true,
      },
      subject,
    ),
  ];
}

function ofReference(key: ForeignKey, subject: DemandSources): readonly Demand[] {
  const { table, found, tables, trust } = subject;
  const isGuaranteed = trust.references &&
    found.foreignKeys.some((each) =>
      each.valid && each.table === key.table && sameNames(each.columns, key.columns) &&
      sameNames(each.references, key.references)
    );
  const isThere = key.columns.every((name) => found.columns.some((column) => column.name === name));
  if (isGuaranteed || !isThere) return [];
  const own = quoteName(table.name);
  const given = key.columns.map((name) => `${own}.${quoteName(name)} IS NOT NULL`).join(" AND ");
  const parent = markedTable(key.table);
  const same = key.columns.map((name, place) =>
    `parent.${quoteName(key.references[place]!)} = ${own}.${quoteName(name)}`
  );
  const none = tables.has(key.table)
    ? ` AND NOT EXISTS (SELECT 1 FROM ${parent} AS parent WHERE ${same.join(" AND ")})`
    : "";
  const state = `refer by ${key.columns.join(" and ")} to ${key.table} that are not there`;
  const orphans = demand(
    { kind: "orphan", columns: key.columns, state, condition: `${given}${none}` },
    subject,
  );
  const parents = key.references.map((column) => ({ table: key.table, column, isTested: false }));
  return [{ ...orphans, reads: [...orphans.reads, ...parents] }];
}

function demand(
  { kind, columns, also = [], state, condition, order = [], hasExpression = false }:
    & Pick<Demand, "kind" | "columns" | "state">
    & {
      readonly condition: string;
      /** What an expression in the condition names. */
      readonly also?: readonly string[];
      readonly order?: readonly string[];
      readonly hasExpression?: boolean;
    },
  { table, found, schemas }: DemandSources,
): Demand {
  const keyed = found.primaryKey.length > 0 ? found.primaryKey : [found.columns[0]!.name];
  const key = keyed.filter((name) => table.columns.some((column) => column.name === name));
  const names = (list: readonly string[]) => [...new Set(list)].map(quoteName).join(", ");
  // Not all types have an order: json has none.
  const sorted = names([...order, ...key]);
  const look = `SELECT ${names([...key, ...columns])} FROM ${markedTable(table.name)} WHERE ${condition}${
    sorted === "" ? "" : ` ORDER BY ${sorted}`
  }`;
  const reads = [...new Set([...key, ...columns, ...also])].map((column) => ({
    table: table.name,
    column,
    isTested: also.includes(column),
  }));
  const query = writeOwnTables(look, (name) => quoteTable(name, schemas));
  return { kind, table: table.name, columns, reads, state, query, look, hasExpression };
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.join("\0") === b.join("\0");
}
