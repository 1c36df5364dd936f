import type { Dialect } from "../../../base/dialect.ts";
import { onceFor } from "../../../base/once_for.ts";
import { isOtherValue } from "../../../schema/expressions/compare_defaults.ts";
import { either, isWhole, pair } from "../../../schema/compare/pair.ts";
import type { Column, ForeignKey, Snapshot, Table } from "../../../schema/snapshot.ts";

/** The same revision's schema in both dialects. */
export type BothSchemas = Readonly<Record<Dialect, Snapshot>>;

/**
 * Returns in what the schemas of both dialects differ, as the ends of sentences: `column files.size is on sqlite alone`.
 *
 * Each dialect has types of its own, so a type is only another one where no program would take it for the same: a number
 * for a text. Of defaults the values are compared, and of expressions that both have one. Checks, partial indexes and
 * those over expressions are written in other words, and are not compared.
 */
export function compareSchemas({ sqlite, postgresql }: BothSchemas): readonly string[] {
  return pair(sqlite.tables, postgresql.tables, sameName).flatMap((tables) =>
    isWhole(tables)
      ? comparisonsOf(tables[0])(tables[1])
      : [alone(`table ${either<Table>(tables).name}`, tables)]
  );
}

/** Most tables of a revision are those of the one before it. */
const comparisonsOf = onceFor((lite: Table) => onceFor((postgres: Table) => compareTables(lite, postgres)));

function compareTables(lite: Table, postgres: Table): readonly string[] {
  const { name } = lite;
  const columns = pair(lite.columns, postgres.columns, sameName).flatMap((both) => {
    const path = `column ${name}.${either<Column>(both).name}`;
    if (!isWhole(both)) return [alone(path, both)];
    const nulls = [lite, postgres].map((table, side) =>
      both[side]!.notNull || table.primaryKey.includes(both[side]!.name) ? "NOT NULL" : "NULL"
    );
    return [
      ...typesOf(both),
      ...nulls[0] === nulls[1] ? [] : [nulls],
      ...defaultsOf(both),
    ].map(([own, other]) => `${path} is ${own} on sqlite and ${other} on postgresql`);
  });
  const parts = ([
    ["primary key", keyOf],
    ["foreign key", ({ foreignKeys }) => foreignKeys.map(keyText)],
    ["unique", uniquesOf],
    ["index", indexesOf],
  ] satisfies readonly (readonly [string, (table: Table) => readonly string[]])[])
    .flatMap(([what, textsOf]) =>
      pair(textsOf(lite), textsOf(postgres), (own, other) => own === other)
        .flatMap((both) => isWhole(both) ? [] : [alone(`${what} ${name}${either<string>(both)}`, both)])
    );
  return [...columns, ...parts];
}

function alone(what: string, [lite]: readonly [unknown, unknown]): string {
  return `${what} is on ${lite === undefined ? "postgresql" : "sqlite"} alone`;
}

type Texts = readonly [own: string, other: string];

/** What SQLite declares for the types of PostgreSQL, by a part of its name; anything for a type that is not listed. */
const families: readonly (readonly [postgres: RegExp, lite: RegExp])[] = [
  [/\]$|^jsonb?$/, /TEXT|JSON|BLOB|CHAR|CLOB/],
  [/^(?:smallint|integer|bigint)$/, /INT|NUM|DEC/],
  [/^boolean$/, /INT|BOOL|NUM/],
  [/^(?:text|character|uuid|citext)/, /TEXT|CHAR|CLOB|UUID|ENUM/],
  [/^(?:real|double)/, /REAL|FLOA|DOUB|NUM|DEC/],
  [/^numeric/, /NUM|DEC|TEXT|CHAR|REAL|DOUB|FLOA|INT/],
  [/^date$/, /^DATE$|TEXT|CHAR|INT|NUM/],
  [/^timestamp/, /DATETIME|TIMESTAMP|TEXT|CHAR|INT|NUM/],
  [/^time\b/, /^TIME$|TEXT|CHAR|INT|NUM/],
  [/^bytea$/, /BLOB/],
];

function typesOf([lite, postgres]: readonly [Column, Column]): readonly Texts[] {
  const type = postgres.values === undefined ? postgres.type : "text";
  const family = families.find(([pattern]) => pattern.test(type))?.[1];
  const [own, other] = [lite, postgres].map((column) => /\(([\d,]+)\)/.exec(column.type)?.[1]);
  const isOther = family !== undefined && !family.test(lite.type);
  const hasOtherLength = own !== undefined && other !== undefined && own !== other;
  return isOther || hasOtherLength ? [[lite.type, postgres.type]] : [];
}

function defaultsOf([lite, postgres]: readonly [Column, Column]): readonly Texts[] {
  const [own, other] = [lite.default, postgres.default];
  // A number that the database makes has none on either.
  if (lite.identity || postgres.identity) return [];
  const isOther = own === null || other === null
    ? own !== other
    : isOtherValue([own, other], postgres.type, "postgresql");
  return isOther ? [[defaultText(own), defaultText(other)]] : [];
}

function defaultText(value: string | null): string {
  return value === null ? "without a default" : `${value} by default`;
}

function keyOf({ primaryKey }: Table): readonly string[] {
  return primaryKey.length === 0 ? [] : [listed(primaryKey)];
}

function keyText({ columns, table, references, onDelete, onUpdate }: ForeignKey): string {
  return `${listed(columns)} to ${table}${listed(references)}, on delete ${onDelete}, on update ${onUpdate}`;
}

/** A unique index is a unique constraint on SQLite, and no other thing for a program. */
function uniquesOf({ primaryKey, uniques, indexes }: Table): readonly string[] {
  const all = [...uniques, ...indexes.filter((index) => index.unique && index.where === null)];
  const others = all.map(({ columns }) => plain(columns)).filter((columns) => columns !== null);
  return [...new Set(others.map(listed))].filter((columns) => columns !== listed(primaryKey));
}

function indexesOf({ indexes }: Table): readonly string[] {
  return indexes.flatMap(({ name, unique, where, columns }) => {
    const names = unique || where !== null ? null : plain(columns);
    return names === null ? [] : [`${listed(names)} ${name}`];
  });
}

/** Returns the columns of an index without their order; `null` when it has an expression. */
function plain(columns: readonly string[]): readonly string[] | null {
  const names = columns.map((column) => column.replace(/(?: DESC)?(?: NULLS (?:FIRST|LAST))?$/, ""));
  return names.some((name) => /[(|+]/.test(name)) ? null : names;
}

function listed(names: readonly string[]): string {
  return `(${names.join(", ")})`;
}

function sameName(a: { readonly name: string }, b: { readonly name: string }): boolean {
  return a.name === b.name;
}
