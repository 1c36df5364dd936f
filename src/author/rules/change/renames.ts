import { HarborError } from "../../../base/errors.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";
import { readDottedName, writeDottedName } from "../../../base/dotted_name.ts";
import { elementType } from "../../../sql/postgres_spelling.ts";
import { nameIn, placeOfName } from "../../../sql/table_names.ts";
import type { KitColumn, KitEnds, KitEnum, KitSnapshot, KitTable } from "../../../schema/kit_snapshot.ts";
import { mapValues } from "../../../base/records.ts";

/** What has another name now. */
export interface Renames {
  readonly tables: readonly Rename[];
  /** Enum types of PostgreSQL. */
  readonly types: readonly Rename[];
  /** A column's table is named as it is after the table renames. */
  readonly columns: readonly ColumnRename[];
}

export interface Rename {
  readonly from: string;
  readonly to: string;
}

export interface ColumnRename extends Rename {
  readonly table: string;
}

/** Something that is gone, and what it may have become. */
export interface RenameCandidate {
  readonly kind: "table" | "type" | "column";
  /** The table of a column; `null` for a table or a type. */
  readonly table: string | null;
  readonly gone: string;
  /** What is most like it first. */
  readonly added: readonly string[];
}

/** What a change leads from and to, and what is called otherwise afterwards. */
export interface RenamedEnds extends KitEnds {
  readonly renames: Renames;
}

export const noRenames: Renames = { tables: [], types: [], columns: [] };

/** Returns what turns the renames back. */
export function invertRenames({ tables, types, columns }: Renames): Renames {
  const oldName = (table: string) => tables.find((rename) => rename.to === table)?.from ?? table;
  const inverted = ({ from, to }: Rename): Rename => ({ from: to, to: from });
  return {
    tables: tables.map(inverted),
    types: types.map(inverted),
    columns: columns.map(({ table, from, to }) => ({ table: oldName(table), from: to, to: from })),
  };
}

/** What is known not to be renamed; `all` but what is in the renames. */
export type Dropped = "all" | readonly Pick<RenameCandidate, "table" | "gone">[];

/**
 * Returns what may have been renamed between two snapshots beyond what is known: tables and types first, and columns only once
 * none is in question, since a table's columns depend on what it was called.
 */
export function renameCandidates(
  { from, to }: KitEnds,
  known: Renames,
  dropped: Dropped,
): readonly RenameCandidate[] {
  if (dropped === "all") return [];
  const renamed = applyRenames(from, known);
  const before = tablesByName(renamed);
  const after = tablesByName(to);
  const isOpen = ({ table, gone }: RenameCandidate) =>
    !dropped.some((each) => each.table === table && each.gone === gone);
  const named = [
    ...candidates({ kind: "table", table: null, likeness: likenessOfTables }, before, after),
    ...candidates(
      { kind: "type", table: null, likeness: likenessOfTypes },
      typesByName(renamed),
      typesByName(to),
    ),
  ].filter(isOpen);
  if (named.length > 0) return named;
  return [...before].flatMap(([name, table]) => {
    const now = after.get(name);
    if (now === undefined) return [];
    return candidates(
      { kind: "column", table: name, likeness: likenessOfColumns },
      new Map(Object.entries(table.columns)),
      new Map(Object.entries(now.columns)),
    ).filter(isOpen);
  });
}

/** What may be renamed, and how much something that is gone is like something that is new. */
interface Kind<T> extends Pick<RenameCandidate, "kind" | "table"> {
  likeness(gone: T, added: T): number;
}

function candidates<T>(
  { kind, table, likeness }: Kind<T>,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): RenameCandidate[] {
  const added = [...after].filter(([name]) => !before.has(name));
  if (added.length === 0) return [];
  return [...before].filter(([name]) => !after.has(name)).map(([gone, part]) => ({
    kind,
    table,
    gone,
    added: added.toSorted(([, a], [, b]) => likeness(part, b) - likeness(part, a)).map(([name]) => name),
  }));
}

function likenessOfTables(gone: KitTable, added: KitTable): number {
  return Object.values(gone.columns).filter(({ name, type }) => added.columns[name]?.type === type).length;
}

function likenessOfTypes(gone: KitEnum, added: KitEnum): number {
  return gone.values.filter((value) => added.values.includes(value)).length;
}

function likenessOfColumns(gone: KitColumn, added: KitColumn): number {
  const word = ({ type }: KitColumn) => type.split("(")[0];
  return gone.type === added.type ? 2 : word(gone) === word(added) ? 1 : 0;
}

/**
 * Returns a snapshot as it is after the renames, everything that refers to what was renamed included. Indexes and
 * constraints keep their names.
 */
export function applyRenames(snapshot: KitSnapshot, { tables, types, columns }: Renames): KitSnapshot {
  const typeName = (name: string) => types.find((rename) => rename.from === name)?.to ?? name;
  const tableName = (name: string) => tables.find((rename) => rename.from === name)?.to ?? name;
  const columnName = (table: string, name: string) =>
    columns.find((rename) => rename.table === tableName(table) && rename.from === name)?.to ?? name;

  const keyed = (key: string, from: string, to: string) => key.slice(0, key.length - from.length) + to;
  const renamed = Object.entries(snapshot.tables).map(([key, table]) => {
    const name = tableName(table.name);
    return [keyed(key, table.name, name), { ...renameColumns(table), name }] as const;
  });
  const enums = Object.entries(snapshot.enums ?? {}).map(([key, type]) => {
    const name = typeName(type.name);
    return [keyed(key, type.name, name), { ...type, name }] as const;
  });
  return {
    ...snapshot,
    tables: Object.fromEntries(renamed),
    ...snapshot.enums === undefined ? {} : { enums: Object.fromEntries(enums) },
  };

  function renameColumns(table: KitTable): KitTable {
    const own = (name: string) => columnName(table.name, name);
    const quoted = new Map(
      columns.filter((rename) => rename.table === tableName(table.name)).flatMap(({ from, to }) =>
        ['"', "`"].map((quote) => [quote + from + quote, quote + to + quote] as const)
      ),
    );
    // All at once: of names that change places, the second would turn the first one back.
    const inText = (text: string) => {
      const placed = text.replaceAll(`"${table.name}".`, `"${tableName(table.name)}".`);
      if (quoted.size === 0) return placed;
      const names = new RegExp([...quoted.keys()].map(RegExp.escape).join("|"), "g");
      return placed.replaceAll(names, (name) => quoted.get(name)!);
    };
    const list = <T extends { readonly columns: readonly string[] }>(key: T) => ({
      ...key,
      columns: key.columns.map(own),
    });
    return {
      ...table,
      columns: Object.fromEntries(
        Object.values(table.columns).map((column) => {
          const name = own(column.name);
          const { generated, type, typeSchema } = column;
          const element = elementType(type);
          return [name, {
            ...column,
            name,
            ...typeSchema === undefined ? {} : { type: typeName(element) + type.slice(element.length) },
            ...generated === undefined ? {} : { generated: { ...generated, as: inText(generated.as) } },
          }];
        }),
      ),
      indexes: mapValues(table.indexes, (index) => ({
        ...index,
        columns: index.columns.map((column) => {
          // A name has no quotes.
          if (typeof column === "string") return /["`]/.test(column) ? inText(column) : own(column);
          const { expression, isExpression } = column;
          return { ...column, expression: isExpression ? inText(expression) : own(expression) };
        }),
        ...index.where === undefined ? {} : { where: inText(index.where) },
      })),
      foreignKeys: mapValues(table.foreignKeys, (key) => ({
        ...key,
        tableFrom: tableName(key.tableFrom),
        tableTo: tableName(key.tableTo),
        columnsFrom: key.columnsFrom.map(own),
        columnsTo: key.columnsTo.map((name) => columnName(key.tableTo, name)),
      })),
      compositePrimaryKeys: mapValues(table.compositePrimaryKeys, list),
      uniqueConstraints: mapValues(table.uniqueConstraints, list),
      checkConstraints: mapValues(table.checkConstraints, (check) => ({
        ...check,
        value: inText(check.value),
      })),
    };
  }
}

/** Returns the enum types of a snapshot by their names. */
export function typesByName({ enums = {} }: KitSnapshot): ReadonlyMap<string, KitEnum> {
  return new Map(Object.values(enums).map((type) => [type.name, type]));
}

/** Returns the tables of a snapshot by their names. */
export function tablesByName(snapshot: KitSnapshot): ReadonlyMap<string, KitTable> {
  return new Map(Object.values(snapshot.tables).map((table) => [table.name, table]));
}

/**
 * Reads `--rename` values: `users=accounts` for a table or a type, `users.name=users.full_name` for a column. Its table goes by its new
 * name, and by the old one where no other has that now.
 *
 * @param schemas Those of their own that the change names: `auth.users=auth.accounts` is a table then
 * @param isType Whether a type was called so, and no table
 * @throws {HarborError} `usage`
 */
export function parseRenames(
  texts: readonly string[],
  schemas: readonly string[] = [],
  isType: (name: string) => boolean = () => false,
): Renames {
  const tables: Rename[] = [];
  const types: Rename[] = [];
  const sidesOfColumns: { readonly text: string; readonly from: Side; readonly to: Side }[] = [];
  const refuse = (text: string) => {
    throw new HarborError("usage", `Cannot read --rename "${text}": it is neither a table nor a column`, {
      hint: [
        "--rename users.name=users.full_name, or --rename users=accounts",
        `A name with a dot, = or " in it stands in double quotes: --rename 'users="old.users"'`,
      ],
    });
  };
  for (const text of texts) {
    const left = readDottedName(text);
    const right = left?.rest.startsWith("=") === true ? readDottedName(left.rest.slice(1)) : null;
    const sides = left === null || right === null || right.rest !== "" ? [] : [left.parts, right.parts];
    const [[table, from] = [], [newTable, to] = []] = sides.map((side) => partsOf(side, schemas));
    if (table === undefined || newTable === undefined) return refuse(text);
    if (from !== undefined && to !== undefined) {
      sidesOfColumns.push({ text, from: { table, column: from }, to: { table: newTable, column: to } });
    } else if ((from ?? to) !== undefined) return refuse(text);
    else (isType(table) ? types : tables).push({ from: table, to: newTable });
  }
  const nameNow = (table: string) =>
    tables.some(({ to }) => to === table) ? table : tables.find(({ from }) => from === table)?.to ?? table;
  const columns = sidesOfColumns.map(({ text, from, to }): ColumnRename => {
    const table = nameNow(from.table);
    if (table !== nameNow(to.table)) return refuse(text);
    return { table, from: from.column, to: to.column };
  });
  const targets = [
    ...[...tables, ...types].map(({ to }) => to),
    ...columns.map(({ table, to }) => `${table}.${to}`),
  ];
  const twice = targets.find((target, at) => targets.indexOf(target) !== at);
  if (twice === undefined) return { tables, types, columns };
  throw new HarborError("usage", `Cannot rename two things to "${twice}"`, {
    hint: "harbor-db help generate",
  });
}

/** A column as one side of a flag says it. */
interface Side {
  readonly table: string;
  readonly column: string;
}

/** Returns the table and the column that names say; none of what is neither. */
function partsOf(names: readonly string[], schemas: readonly string[]): readonly string[] {
  const isPlaced = names.length > 1 && schemas.includes(names[0]!);
  const [table, ...columns] = isPlaced ? names.slice(1) : names;
  return table === undefined || columns.length > 1
    ? []
    : [nameIn(isPlaced ? names[0] : null, table), ...columns];
}

/** Returns the flag that says that a candidate was renamed, as a shell takes it. */
export function renameFlag(
  { table, gone }: Pick<RenameCandidate, "table" | "gone"> & Partial<RenameCandidate>,
  to: string,
  schemas: readonly string[] = [],
): string {
  const side = (name: string) =>
    table === null ? writeName({ table: name, schemas }) : writeName({ table, column: name, schemas });
  return `--rename ${quoteForShell(`${side(gone)}=${side(to)}`)}`;
}

/** Returns a table, or a column of it, as a flag takes it. */
export function writeName(
  { table, column, schemas }: {
    readonly table: string;
    readonly column?: string;
    readonly schemas: readonly string[];
  },
): string {
  const { schema, bare } = placeOfName(table, schemas);
  return writeDottedName([schema, bare, column].flatMap((name) => name ?? []));
}
