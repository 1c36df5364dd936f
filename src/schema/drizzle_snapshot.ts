import type { Dialect } from "../base/dialect.ts";
import { isRecord } from "../base/json_schema.ts";
import { postgresNameOf } from "../sql/cut_name.ts";
import { quoteName } from "../sql/quote.ts";
import { isDefaultSchema, nameIn } from "../sql/table_names.ts";
import { isSerial, postgresDefault, postgresName, postgresType } from "../sql/postgres_spelling.ts";
import { namedSchemas } from "./named_schemas.ts";
import { declaredObjects } from "./declared_objects.ts";
import {
  defaultOf,
  type KitColumn,
  type KitForeignKey,
  type KitIndex,
  type KitIndexColumn,
  type KitSnapshot,
  type KitTable,
} from "./kit_snapshot.ts";
import type { Column, ForeignKey, Index, IndexComparing, Snapshot, Table } from "./snapshot.ts";

/**
 * Brings a snapshot of drizzle-kit to normal form.
 *
 * Types and defaults come out as the live database prints them. Checks and conditions of indexes stay as they were
 * written; `compareSnapshots` sees through the spelling.
 */
export function normalizeDrizzleSnapshot(snapshot: KitSnapshot): Snapshot {
  const { dialect, tables, enums = {} } = snapshot;
  const form: Form = {
    ...formsOf[dialect],
    enums: new Map(Object.values(enums).map((each) => [nameIn(each["schema"], each.name), each.values])),
  };
  const read = Object.values(tables).map((table) => {
    const known = normalTables.get(table);
    const types = known?.types ?? typesOf(table);
    const key = JSON.stringify([dialect, types.map((type) => form.enums.get(type))]);
    if (known?.key === key) return known.normal;
    const normal = readTable(table, form);
    normalTables.set(table, { types, key, normal });
    return normal;
  });
  const schemas = namedSchemas(snapshot);
  return {
    dialect,
    ...schemas.length === 0 ? {} : { schemas },
    tables: read.toSorted(byName),
    others: declaredObjects(snapshot),
  };
}

/**
 * Tables in normal form by those of drizzle-kit, each with the types of its columns, and for one dialect and the values of those
 * that are enum types: most of a history's snapshots share theirs.
 */
const normalTables = new WeakMap<
  KitTable,
  { readonly types: readonly string[]; readonly key: string; readonly normal: Table }
>();

function typesOf({ columns }: KitTable): readonly string[] {
  return [...new Set(Object.values(columns).map((column) => elementOf(column).fullName))];
}

/** The values of the enum types, by name. */
type Enums = ReadonlyMap<string, readonly string[]>;

/** How the live database of a dialect shows what a snapshot has. */
interface DialectForm {
  /** Whether the names of foreign keys and unique constraints can be read back. */
  readonly namesConstraints: boolean;
  /** What the server keeps of the name of an index or a check. */
  readonly keptName: (name: string) => string;
  column(column: KitColumn, primaryKey: readonly string[], enums: Enums): Column;
}

type Form = DialectForm & { readonly enums: Enums };

const formsOf: Readonly<Record<Dialect, DialectForm>> = {
  sqlite: { namesConstraints: false, keptName: (name) => name, column: sqliteColumn },
  postgresql: { namesConstraints: true, keptName: postgresNameOf, column: postgresColumn },
};

function readTable(table: KitTable, { namesConstraints, keptName, column, enums }: Form): Table {
  const columns = Object.values(table.columns);
  const primaryKey = [
    ...columns.filter((each) => each.primaryKey).map((each) => each.name),
    ...Object.values(table.compositePrimaryKeys).flatMap((key) => key.columns),
  ];
  const all = <Part, Read extends Named>(parts: Readonly<Record<string, Part>>, read: (part: Part) => Read) =>
    Object.values(parts).map(read).toSorted(byName);
  const shown = (name: string) => namesConstraints ? keptName(name) : null;
  const { schema } = table;
  // Behind a schema of its own the table's name tells nothing: no expression is about another table.
  const own = isDefaultSchema(schema) ? /(?!)/g : `${quoteName(String(schema))}.${quoteName(table.name)}.`;
  return {
    name: nameIn(schema, table.name),
    columns: columns.map((each) => column(each, primaryKey, enums)),
    primaryKey,
    foreignKeys: all(table.foreignKeys, (key) => readForeignKey(key, shown(key.name))),
    indexes: all(table.indexes, (index) => ({
      ...readIndex({
        ...index,
        ...index.where === undefined ? {} : { where: index.where.replaceAll(own, "") },
      }),
      name: nameIn(schema, keptName(index.name)),
    })),
    uniques: all(table.uniqueConstraints, (unique) => ({
      name: shown(unique.name),
      columns: unique.columns,
      ...unique.nullsNotDistinct === true ? { nullsAlike: true as const } : {},
    })),
    checks: all(table.checkConstraints, ({ name, value }) => ({
      name: keptName(name),
      expression: value.replaceAll(own, ""),
      valid: true,
    })),
  };
}

function sqliteColumn(column: KitColumn, primaryKey: readonly string[]): Column {
  const { name } = column;
  // As the live database gives it: `NUMERIC(10, 2)` is `NUMERIC(10,2)`.
  const type = column.type.toUpperCase().replaceAll(/\s*([(),])\s*/g, "$1").trim();
  const identity = type === "INTEGER" && primaryKey.length === 1 && primaryKey[0] === name;
  // SQLite never takes the default of a column whose values it makes.
  const value = identity ? null : givenDefault(column);
  return {
    name,
    type,
    notNull: column.notNull || identity,
    default: generatedAs(column) ?? (value === null ? null : withoutParentheses(value)),
    identity,
  };
}

/** Returns the type of a column without the brackets of an array, those, and how its enum type would be called. */
function elementOf({ type, typeSchema }: KitColumn) {
  const [, base = type, array = ""] = /^(.*?)((?:\[\d*\])*)$/s.exec(type) ?? [];
  return { base, array, fullName: nameIn(typeSchema, base) };
}

function postgresColumn(column: KitColumn, primaryKey: readonly string[], enums: Enums): Column {
  const { name, type: written } = column;
  const { base, array, fullName } = elementOf(column);
  const values = enums.get(fullName);
  // A project's own type keeps its capitals, also where it does not export the enum itself.
  const type = values === undefined && column.typeSchema === undefined
    ? postgresType(written)
    : `${typeName(column.typeSchema, base)}${array === "" ? "" : "[]"}`;
  const identity = isSerial(written) || column.identity !== undefined;
  const value = givenDefault(column);
  return {
    name,
    type,
    // PostgreSQL makes these NOT NULL whether the DDL says so or not.
    notNull: column.notNull || identity || primaryKey.includes(name),
    default: generatedAs(column) ?? (value === null ? null : postgresDefault(value, type)),
    identity,
    ...numberedBy(column),
    ...values === undefined ? {} : { values },
  };
}

function numberedBy({ identity }: KitColumn): Pick<Column, "numbered"> {
  const type = isRecord(identity) ? identity["type"] : undefined;
  return type === "always" ? { numbered: "always" } : type === "byDefault" ? { numbered: "by default" } : {};
}

function typeName(schema: string | undefined, name: string): string {
  return isDefaultSchema(schema) ? postgresName(name) : `${postgresName(schema!)}.${postgresName(name)}`;
}

/** Returns what a generated column is made of, as the live database gives it; `null` for any other. */
function generatedAs({ generated }: KitColumn): string | null {
  if (generated === undefined) return null;
  return `GENERATED ALWAYS AS (${withoutParentheses(generated.as)}) ${generated.type.toUpperCase()}`;
}

/** A default of NULL is none. */
function givenDefault(column: KitColumn): string | null {
  const value = defaultOf(column);
  return value !== null && /^\(*null\)*$/i.test(value) ? null : value;
}

/** SQLite wants the parentheses around the expression of a default, and `PRAGMA table_info` leaves them out. */
function withoutParentheses(value: string): string {
  return /^\(.*\)$/s.test(value) ? value.slice(1, -1) : value;
}

function readForeignKey(key: KitForeignKey, name: string | null): ForeignKey {
  return {
    name,
    columns: key.columnsFrom,
    table: nameIn(key.schemaTo, key.tableTo),
    references: key.columnsTo,
    onDelete: (key.onDelete ?? "no action").toLowerCase(),
    onUpdate: (key.onUpdate ?? "no action").toLowerCase(),
    valid: true,
  };
}

function readIndex({ name, columns, isUnique = false, where, method = "btree" }: KitIndex): Index {
  // PostgreSQL's snapshots have an object for each column, SQLite's its name or expression.
  const read = columns.map((column) =>
    typeof column === "string" ? { column: unquoted(column), comparing: {} } : readIndexColumn(column)
  );
  const comparing = read.map((each): IndexComparing => each.comparing);
  return {
    name,
    columns: read.map(({ column }) => column),
    unique: isUnique,
    where: where ?? null,
    valid: true,
    ...method.toLowerCase() === "btree" ? {} : { method: method.toLowerCase() },
    ...comparing.every((each) => Object.keys(each).length === 0) ? {} : { comparing },
  };
}

/** SQLite's name of a column that is quoted for the sake of its order, as the live database gives it. */
function unquoted(column: string): string {
  return column.replace(/^"((?:[^"]|"")+)" DESC$/, (_, name) => `${name.replaceAll('""', '"')} DESC`);
}

function readIndexColumn(
  { expression: written, isExpression, asc = true, nulls, opclass }: KitIndexColumn,
): { readonly column: string; readonly comparing: IndexComparing } {
  // An expression says its order itself, and how it is compared.
  const [, column, columnCollation, behind = ""] = isExpression
    ? collatedColumn.exec(written.trim()) ?? []
    : [];
  const element = column === undefined ? written.trim() : column + behind;
  const [, expression = element, collation = columnCollation, operatorClass = opclass, order = ""] =
    isExpression ? indexElement.exec(element) ?? [] : [];
  const given = collation === undefined ? "default" : bareName(collation);
  const comparing = {
    ...given === "default" ? {} : { collation: given },
    ...operatorClass === undefined || operatorClass === null
      ? {}
      : { operatorClass: bareName(operatorClass) },
  };
  if (order !== "") return { column: expression + orderOf(order), comparing };
  const direction = asc
    ? nulls === "first" ? " NULLS FIRST" : ""
    : nulls === "last"
    ? " DESC NULLS LAST"
    : " DESC";
  return { column: expression + direction, comparing };
}

/** Returns a name without its schema, as PostgreSQL folds it. */
function bareName(written: string): string {
  const name = /(?:"(?:[^"]|"")+"|[^".]+)$/.exec(written)?.[0] ?? written;
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}

/** An expression with what may stand behind it: a collation, an operator class, an order. */
const indexElement =
  /^(.*?[\p{L}\p{N}_)"'\]])(?:\s+collate\s+([\p{L}\p{N}_".-]+))?(?:\s+((?:\w+\.)?\w+_ops))?((?:\s+(?:asc|desc))?(?:\s+nulls\s+(?:first|last))?)$/isu;

/** A column in parentheses with a collation, which is that column to PostgreSQL. */
const collatedColumn = /^\(\s*("(?:[^"]|"")+"|[\p{L}\p{N}_]+)\s+collate\s+([\p{L}\p{N}_".-]+)\s*\)(.*)$/isu;

/** Writes an order without what is the rule: NULLs come last, and first in a descending one. */
function orderOf(order: string): string {
  const words = ` ${order.trim().toUpperCase().replaceAll(/\s+/g, " ")}`.replace(" ASC", "");
  return words === " NULLS LAST" ? "" : words.replace("DESC NULLS FIRST", "DESC");
}

type Named = { readonly name: string | null; readonly columns?: readonly unknown[] };

/** Orders by name; what has none by its columns. */
function byName(a: Named, b: Named): number {
  const key = ({ name, columns }: Named) => name ?? String(columns);
  return key(a) < key(b) ? -1 : 1;
}
