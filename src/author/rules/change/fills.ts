import { quoteName, quoteText } from "../../../sql/quote.ts";
import { keyColumns } from "./key_columns.ts";
import { isSerial } from "../../../sql/postgres_spelling.ts";
import { isConstant } from "../../../sql/constant_expression.ts";
import type { Dialect } from "../../../base/dialect.ts";
import { HarborError } from "../../../base/errors.ts";
import { defaultOf, type KitColumn, type KitTable } from "../../../schema/kit_snapshot.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";
import { readDottedName } from "../../../base/dotted_name.ts";
import { applyRenames, type RenamedEnds, tablesByName, writeName } from "./renames.ts";

/** A column of a table that exists, whose rows need a value that they do not have. */
export interface Fill {
  readonly table: string;
  readonly column: string;
  /** The value as an SQL expression; `null` while nobody has said it. */
  readonly value: string | null;
  /** Whether the column exists already, so that the application may go on writing NULL into it. */
  readonly existed: boolean;
}

/** Values of `--fill` by `table.column`, as SQL expressions. */
export type FillValues = ReadonlyMap<string, string>;

/**
 * Returns the columns whose rows need a value on the way from one snapshot to another: those that become NOT NULL,
 * and new ones whose default has to be worked out for each row. A value that was given goes before the default.
 */
export function requiredFills(
  { from, to, renames, values }: RenamedEnds & { readonly values: FillValues },
): readonly Fill[] {
  const before = tablesByName(applyRenames(from, renames));
  return [...tablesByName(to).values()].flatMap((table) => {
    const old = before.get(table.name);
    if (old === undefined) return [];
    return Object.values(table.columns).flatMap((column) => {
      const was = old.columns[column.name];
      const given = values.get(`${table.name}.${column.name}`);
      // A key's rows all have a value, as a rule, and no value is right for several: it is not asked for.
      const isGivenKey = given !== undefined && becomesKey(column.name, old, table);
      if (!isGivenKey && !needsFill(column, was, to.dialect)) return [];
      const value = given ??
        (was !== undefined && isSerial(column.type) ? nextNumber(table, column) : null) ??
        defaultOf(column);
      return [{ table: table.name, column: column.name, value, existed: was !== undefined }];
    });
  });
}

/** The next one of a sequence that the column has by then. */
function nextNumber({ name }: KitTable, column: KitColumn): string {
  return `nextval(pg_get_serial_sequence(${quoteText(quoteName(name))}, ${quoteText(column.name)}))`;
}

/** Says whether a column that could be NULL is one of the key, in which rows must have a value that nothing gives them. */
export function becomesKey(name: string, old: KitTable, table: KitTable): boolean {
  const was = old.columns[name];
  if (was === undefined || was.notNull) return false;
  return keyColumns(table).includes(name) && !keyColumns(old).includes(name);
}

function needsFill(column: KitColumn, was: KitColumn | undefined, dialect: Dialect): boolean {
  // What begins to be numbered goes on from the numbers that the rows have.
  if (was?.notNull === false && isNumbered(column)) return !isNumbered(was);
  if (isMadeByDatabase(column)) return false;
  if (was !== undefined) return column.notNull && !was.notNull;
  const value = defaultOf(column);
  if (value === null) return column.notNull;
  return !isConstant(value, dialect);
}

/** Says whether the database makes a column's values without being told: a key, an identity, a generated column. */
export function isMadeByDatabase(column: KitColumn): boolean {
  return column.primaryKey || column.generated !== undefined || isNumbered(column);
}

/** Says whether a sequence makes a column's values. */
function isNumbered({ identity, type }: KitColumn): boolean {
  return identity !== undefined || isSerial(type);
}

/** Returns the flag that gives a column's rows a value, with one that fits its type as the example. */
export function fillFlag(fill: Fill, table: KitTable, schemas: readonly string[] = []): string {
  const example = placeholder(table.columns[fill.column]!, table) ?? "(SELECT min(id) FROM …)";
  const said = `${writeName({ ...fill, schemas })}=${example}`;
  return `--fill ${/["$`\\!]/.test(said) ? quoteForShell(said) : `"${said}"`}`;
}

/**
 * Returns what stands for a value that nobody knows any more: what a downgrade gives the rows of a NOT NULL column
 * that the upgrade dropped. In a column without duplicates it is made of the key. `null` where no value can be right:
 * in a reference, and in a type that is not known.
 */
export function placeholder(column: KitColumn, table: KitTable): string | null {
  const isReference = Object.values(table.foreignKeys).some((key) => key.columnsFrom.includes(column.name));
  if (isReference) return null;
  const allowed = allowedValues(table, column.name)[0];
  if (allowed !== undefined) return allowed;
  const key = Object.values(table.columns).find((each) => each.primaryKey)?.name;
  const type = column.type.toLowerCase();
  const kind = kinds.find(({ pattern }) => pattern.test(type));
  if (kind === undefined) return null;
  if (!isUnique(table, column.name)) return kind.value;
  if (key === undefined || kind.ofKey === null) return null;
  return kind.ofKey.replaceAll("key", `"${key}"`);
}

const kinds = [
  { pattern: /^(?:text|(?:var)?char|character)/, value: "''", ofKey: "CAST(key AS VARCHAR)" },
  { pattern: /^(?:small|big)?int|^numeric|^decimal|^real|^double|^float/, value: "0", ofKey: "key" },
  { pattern: /^bool/, value: "false", ofKey: null },
  { pattern: /^(?:timestamp|datetime)/, value: "'1970-01-01 00:00:00'", ofKey: null },
  { pattern: /^date/, value: "'1970-01-01'", ofKey: null },
  { pattern: /^time/, value: "'00:00:00'", ofKey: null },
  { pattern: /^uuid/, value: "'00000000-0000-0000-0000-000000000000'", ofKey: null },
  { pattern: /^bytea/, value: "''", ofKey: null },
  { pattern: /^blob/, value: "x''", ofKey: null },
  { pattern: /^json/, value: "'{}'", ofKey: null },
];

const listed =
  /^\(*["`]?([\p{L}\p{N}_$]+)["`]?\s+IN\s*\(\s*((?:'(?:[^']|'')*'\s*,\s*)*'(?:[^']|'')*')\s*\)\)*$/iu;

/** Returns the values that a check lists for a column, as SQL literals: `"kind" IN ('a', 'b')`. */
export function allowedValues(table: KitTable, column: string): readonly string[] {
  const lists = Object.values(table.checkConstraints).flatMap(({ value }) => {
    const [, name, list] = listed.exec(value.trim()) ?? [];
    return name === column ? [list!.match(/'(?:[^']|'')*'/g) ?? []] : [];
  });
  return lists.flat();
}

function isUnique(table: KitTable, column: string): boolean {
  const lists = [
    ...Object.values(table.indexes).filter((index) => (index as { isUnique?: boolean }).isUnique === true),
    ...Object.values(table.uniqueConstraints),
  ];
  return lists.some(({ columns }) => {
    const [only, second] = columns;
    return second === undefined && (typeof only === "string" ? only : only?.expression) === column;
  });
}

/**
 * Reads `--fill` values: `files.kind='image'`, with the value as an SQL expression.
 *
 * @throws {HarborError} `usage`
 */
export function parseFills(texts: readonly string[]): FillValues {
  return new Map(texts.map((text) => {
    const { parts = [], rest = "" } = readDottedName(text) ?? {};
    const value = /^=(.*)$/s.exec(rest)?.[1]?.trim() ?? "";
    if ([2, 3].includes(parts.length) && value !== "") return [parts.join("."), value];
    throw new HarborError(
      "usage",
      `Cannot read --fill "${text}": it is not a column, "=" and an SQL expression`,
      {
        hint: `--fill "files.kind='image'"`,
      },
    );
  }));
}
