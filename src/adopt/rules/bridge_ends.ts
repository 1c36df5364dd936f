import { quoteName } from "../../sql/quote.ts";
import { cutName, postgresNameOf } from "../../sql/cut_name.ts";
import type { Dialect } from "../../base/dialect.ts";
import { filterValues } from "../../base/records.ts";
import type {
  KitCheck,
  KitColumn,
  KitEnds,
  KitForeignKey,
  KitIndex,
  KitIndexColumn,
  KitSnapshot,
  KitTable,
} from "../../schema/kit_snapshot.ts";
import { generatedParts, isGenerated } from "../../schema/generated.ts";
import { comparesAlike } from "../../schema/compare/indexes.ts";
import { compareOthers } from "../../schema/compare/others.ts";
import { isWhole, pair } from "../../schema/compare/pair.ts";
import { isSameExpression } from "../../schema/expressions/compare.ts";
import { asThere, withPolicies } from "./as_there.ts";
import { keyEnds, withCopyMark } from "./key_ends.ts";
import type { Check, Column, ForeignKey, Index, Snapshot, Table } from "../../schema/snapshot.ts";

/** A revision's schema in both forms. */
export interface BridgeTarget {
  readonly snapshot: Snapshot;
  readonly kit: KitSnapshot;
}

/**
 * Brings a live schema to the form of drizzle-kit, so that the engine of `generate` can say what leads from it to a
 * revision.
 *
 * What is the same in both is taken from the revision, so that no spelling makes a difference. What the revision does
 * not know (columns, keys, checks) stands on both sides, so that nothing removes it; unknown indexes stand on neither,
 * since no statement touches them. Tables that the revision does not know are left out. Types that are there are taken for the
 * revision's; a sequence or a policy that is another one stands there as something else than that.
 */
export function bridgeEnds(live: Snapshot, { snapshot, kit }: BridgeTarget): KitEnds {
  const { dialect } = snapshot;
  const others = new Map(compareOthers(snapshot, live).map(({ path, kind }) => [path, kind]));
  const found = new Map(live.tables.map((table) => [table.name, table]));
  const entries = Object.entries(kit.tables).map(([key, table]) => {
    const wanted = snapshot.tables.find(({ name }) => name === table.name)!;
    const old = found.get(table.name);
    if (old === undefined) return { key, ends: { to: table } };
    const { from, to } = tableEnds({ dialect, wanted, old, table });
    return { key, ends: { from: withPolicies(from, others), to } };
  });
  const tables = (side: "from" | "to") =>
    Object.fromEntries(
      entries.flatMap(({ key, ends }) => side in ends ? [[key, (ends as TableEnds)[side]]] : []),
    );
  const isType = ({ name }: { readonly name: string }) =>
    live.others.some((other) => other.kind === "type" && other.name === name);
  return {
    from: {
      ...kit,
      tables: tables("from"),
      ...kit.enums === undefined ? {} : { enums: filterValues(kit.enums, isType) },
      ...kit.sequences === undefined ? {} : {
        sequences: asThere(kit.sequences, others, {
          pathOf: ({ name }) => `sequence ${name}`,
          another: (sequence) => ({ ...sequence, cache: `${sequence["cache"] ?? 1}0` }),
        }),
      },
      ...kit.views === undefined ? {} : {
        views: asThere(kit.views, others, {
          pathOf: ({ name, materialized }) =>
            `${materialized === true ? "materialized view" : "view"} ${name}`,
          // It is in the way before that, see `obstaclesOf`.
          another: (view) => view,
        }),
      },
    },
    to: { ...kit, tables: tables("to") },
  };
}

interface TableEnds {
  readonly from: KitTable;
  readonly to: KitTable;
}

interface TableForms {
  readonly dialect: Dialect;
  /** As the revision has it, in both forms. */
  readonly wanted: Table;
  readonly table: KitTable;
  readonly old: Table;
}

/** One part of a table (a column, a key …) on each side; absent where it is not. */
interface PartEnds<Part> {
  readonly from?: Part;
  readonly to?: Part;
}

function tableEnds(subject: TableForms): TableEnds {
  const { dialect, table } = subject;
  const parts = {
    columns: columnEnds(subject),
    indexes: indexEnds(subject),
    foreignKeys: foreignKeyEnds(subject),
    checkConstraints: checkEnds(subject),
  };
  const keys = keyEnds(subject.old, table);
  const side = (which: "from" | "to"): KitTable => ({
    ...table,
    ...keys[which],
    ...Object.fromEntries(
      Object.entries(parts).map((
        [section, ends],
      ) => [section, sideOf<{ readonly name: string }>(ends, which)]),
    ),
  });
  return formsOf[dialect].ends({ from: side("from"), to: side("to") });
}

function sideOf<Part extends { readonly name: string }>(
  ends: readonly PartEnds<Part>[],
  side: "from" | "to",
) {
  return Object.fromEntries(
    ends.flatMap(({ [side]: part }) => part === undefined ? [] : [[part.name, part]]),
  );
}

function columnEnds({ dialect, wanted, old, table }: TableForms): readonly PartEnds<KitColumn>[] {
  const keepsNumbers = old.peculiarities?.includes("AUTOINCREMENT") ?? false;
  // In the order that they have: to change it SQLite would have to copy the rows, and nobody reads them by place.
  const placeOf = ({ name }: Column) => {
    const place = old.columns.findIndex((column) => column.name === name);
    return place < 0 ? old.columns.length : place;
  };
  const pairs = pair(wanted.columns, old.columns, sameName);
  return pairs.toSorted(([a, b], [c, d]) => placeOf((a ?? b)!) - placeOf((c ?? d)!)).map((both) => {
    const [expected, actual] = both;
    if (isWhole(both)) {
      const like = table.columns[both[0].name]!;
      const to = both[0].identity && keepsNumbers ? { ...like, autoincrement: true } : like;
      return { from: liveColumn(both[1], { like: to, expected: both[0], old, dialect }), to };
    }
    if (expected !== undefined) return { to: table.columns[expected.name]! };
    const kept = plainColumn(actual!, old, dialect);
    return { from: kept, to: kept };
  });
}

function liveColumn(
  column: Column,
  { like, expected, old, dialect }: {
    readonly like: KitColumn;
    readonly expected: Column;
    readonly old: Table;
    readonly dialect: Dialect;
  },
): KitColumn {
  const { default: value, generated: _, ...rest } = like;
  // Of a column that the database numbers, the numbering is seen to apart.
  const isSame = expected.identity || column.default === expected.default ||
    (column.default !== null && expected.default !== null &&
      isSameExpression(column.default, expected.default, dialect));
  const own = isSame ? value : writtenDefault(column, dialect);
  const generated = isSame ? like.generated : writtenGenerated(column, dialect);
  const isSameType = column.type === expected.type;
  return {
    ...rest,
    type: isSameType ? like.type : column.type,
    notNull: column.identity ? like.notNull : column.notNull,
    primaryKey: like.primaryKey && old.primaryKey.includes(column.name),
    ...own === undefined ? {} : { default: own },
    ...generated === undefined ? {} : { generated },
  };
}

function plainColumn(column: Column, { primaryKey }: Table, dialect: Dialect): KitColumn {
  const { name, type, notNull } = column;
  const value = writtenDefault(column, dialect);
  const generated = writtenGenerated(column, dialect);
  return {
    name,
    type,
    primaryKey: primaryKey.length === 1 && primaryKey[0] === name,
    notNull,
    ...formsOf[dialect].column,
    ...value === undefined ? {} : { default: value },
    ...generated === undefined ? {} : { generated },
  };
}

interface DialectForm {
  /** What drizzle-kit's form of a column has on this dialect only. */
  readonly column: object;
  /** How an expression stands in it. */
  readonly expression: (text: string) => string;
  /** Completes the ends of a table. */
  readonly ends: (ends: TableEnds) => TableEnds;
}

const formsOf: Readonly<Record<Dialect, DialectForm>> = {
  sqlite: { column: { autoincrement: false }, expression: (text) => `(${text})`, ends: withCopyMark },
  postgresql: { column: {}, expression: (text) => text, ends: (ends) => ends },
};

/** What a generated column is made of, as drizzle-kit has it. */
function writtenGenerated({ default: value }: Column, dialect: Dialect): KitColumn["generated"] {
  const made = generatedParts(value);
  return made === null
    ? undefined
    : { as: formsOf[dialect].expression(made.expression), type: made.kind.toLowerCase() };
}

function writtenDefault(column: Column, dialect: Dialect): string | undefined {
  if (column.default === null || column.identity || isGenerated(column)) return undefined;
  const isLiteral = /^(?:[+-]?[\d.]+|'(?:[^']|'')*'|[xX]'[\da-fA-F]*'|TRUE|FALSE|NULL|CURRENT_\w+)$/.test(
    column.default,
  );
  return isLiteral ? column.default : formsOf[dialect].expression(column.default);
}

function indexEnds({ dialect, wanted, old, table }: TableForms): readonly PartEnds<KitIndex>[] {
  return wanted.indexes.map((index) => {
    const to = table.indexes[index.name]!;
    const found = old.indexes.find((each) => each.name === index.name && each.valid);
    if (found === undefined) return { to };
    return {
      from: isSameIndex(found, index, dialect) ? to : liveIndex(found, { like: to, columns: old.columns }),
      to,
    };
  });
}

function isSameIndex(a: Index, b: Index, dialect: Dialect): boolean {
  const same = (one: string | null, other: string | null) =>
    one === other || (one !== null && other !== null && isSameExpression(one, other, dialect));
  return a.unique === b.unique && a.columns.length === b.columns.length && same(a.where, b.where) &&
    a.method === b.method && comparesAlike(b, a) &&
    a.columns.every((column, place) => same(column, b.columns[place]!));
}

function liveIndex(
  index: Index,
  { like, columns }: { readonly like: KitIndex; readonly columns: readonly Column[] },
): KitIndex {
  const [example] = like.columns;
  const { where: _, ...rest } = like;
  return {
    ...rest,
    isUnique: index.unique,
    columns: index.columns.map((column, place) =>
      typeof example === "object"
        ? { ...withoutClass(example), ...indexColumn(column, columns), ...compared(index, place) }
        : column
    ),
    ...typeof example === "object" ? { method: index.method ?? "btree" } : {},
    ...index.where === null ? {} : { where: index.where },
  } as KitIndex;
}

function withoutClass({ opclass: _, ...column }: KitIndexColumn) {
  return column;
}

/** How an index compares a column, as drizzle-kit has it on PostgreSQL: a collation only as a part of an expression. */
function compared({ columns, comparing }: Index, place: number) {
  const { collation, operatorClass } = comparing?.[place] ?? {};
  return {
    ...operatorClass === undefined ? {} : { opclass: operatorClass },
    ...collation === undefined
      ? {}
      : { expression: `${columns[place]} COLLATE ${quoteName(collation)}`, isExpression: true },
  };
}

/** An index's column as drizzle-kit has it on PostgreSQL. */
function indexColumn(column: string, columns: readonly Column[]) {
  const [, expression = column, descending, nulls] =
    /^(.*?)( DESC)?(?: NULLS (FIRST|LAST))?$/s.exec(column) ?? [];
  return {
    expression,
    isExpression: !columns.some(({ name }) => name === expression),
    asc: descending === undefined,
    nulls: nulls?.toLowerCase() ?? (descending === undefined ? "last" : "first"),
  };
}

function foreignKeyEnds({ wanted, old, table }: TableForms): readonly PartEnds<KitForeignKey>[] {
  return pair(wanted.foreignKeys, old.foreignKeys, sameForeignKey, sameColumns).map((both) => {
    const [expected, actual] = both;
    const like = Object.values(table.foreignKeys);
    const to = expected === undefined
      ? undefined
      : like.find((key) => sameColumns({ columns: key.columnsFrom }, expected));
    if (to === undefined) {
      const kept = plainForeignKey(actual!, table);
      return { from: kept, to: kept };
    }
    if (!isWhole(both)) return { to: { ...to, name: freeName(to, table, old) } };
    return { from: sameForeignKey(both[0], both[1]) ? to : plainForeignKey(both[1], table), to };
  });
}

/** PostgreSQL keeps 63 bytes of a name, by which two of a table's may be one: the later one was perhaps never made for that. */
function freeName(key: KitForeignKey, { foreignKeys }: KitTable, old: Table): string {
  const cut = (name: string | null) => name === null ? null : postgresNameOf(name);
  const twins = Object.values(foreignKeys).filter(({ name }) => cut(name) === cut(key.name));
  const isTaken = [...old.foreignKeys, ...old.uniques, ...old.checks].some(({ name }) =>
    name === cut(key.name)
  );
  return isTaken || twins[0] !== key ? `${cutName(key.name, 60)}_${twins.indexOf(key) + 1}` : key.name;
}

function plainForeignKey(key: ForeignKey, { name: tableFrom }: KitTable): KitForeignKey {
  return {
    name: key.name ?? `${tableFrom}_${key.columns.join("_")}_fk`,
    tableFrom,
    tableTo: key.table,
    columnsFrom: key.columns,
    columnsTo: key.references,
    onDelete: key.onDelete,
    onUpdate: key.onUpdate,
  } as KitForeignKey;
}

function checkEnds({ dialect, wanted, old, table }: TableForms): readonly PartEnds<KitCheck>[] {
  const same = (a: Check, b: Check) => isSameExpression(a.expression, b.expression, dialect);
  return pair(wanted.checks, old.checks, same, sameName).map((both, place) => {
    const [expected, actual] = both;
    const to = expected === undefined ? undefined : table.checkConstraints[expected.name!];
    // One without a name would get one: the copy of its table is given it apart.
    const plain = () => ({ name: actual!.name ?? `${table.name}_check_${place}`, value: actual!.expression });
    if (to === undefined) return actual!.name === null ? {} : { from: plain(), to: plain() };
    if (!isWhole(both)) return { to };
    return { from: same(both[0], both[1]) ? to : plain(), to };
  });
}

function sameName(a: { readonly name: string | null }, b: { readonly name: string | null }): boolean {
  return a.name !== null && a.name === b.name;
}

type WithColumns = Pick<ForeignKey, "columns">;

function sameColumns(a: WithColumns, b: WithColumns): boolean {
  return a.columns.join("\0") === b.columns.join("\0");
}

function sameForeignKey(a: ForeignKey, b: ForeignKey): boolean {
  return sameColumns(a, b) && a.table === b.table && a.references.join("\0") === b.references.join("\0") &&
    a.onDelete === b.onDelete && a.onUpdate === b.onUpdate;
}
