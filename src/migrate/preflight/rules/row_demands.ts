import type { Dialect } from "../../../base/dialect.ts";
import { isSameExpression } from "../../../schema/expressions/compare.ts";
import { ofColumns } from "./column_demands.ts";
import { type Demand, demand, type DemandSources, type Trust } from "./demand.ts";
import { isOfFamily } from "./type_families.ts";
import type { Check, ForeignKey, Snapshot, Table } from "../../../schema/snapshot.ts";
import { columnsIn } from "../../../sql/expression_columns.ts";
import { hasParameter } from "../../../sql/has_parameter.ts";
import { isServersType } from "../../../sql/postgres_spelling.ts";
import { markedTable } from "../../../sql/own/schema.ts";
import { quoteName } from "../../../sql/quote.ts";
import { hostTable, placeOfName, quoteTable } from "../../../sql/table_names.ts";

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

/** What may occur once only. */
interface Key {
  readonly columns: readonly string[];
  /** The condition of a partial index. */
  readonly where: string | null;
  /** See {@link Unique.nullsAlike}. */
  readonly nullsAlike?: true;
}

function ofKeys(subject: DemandSources): readonly Demand[] {
  const { table, found, dialect } = subject;
  const guaranteed = keysOf(found);
  return keysOf(table).flatMap(({ columns, where, nullsAlike }) => {
    const expressions = columns.filter((each) => !table.columns.some(({ name }) => name === each));
    const texts = [...expressions, ...where === null ? [] : [where]];
    const also = texts.flatMap(namesIn);
    const named = [...columns.filter((each) => !expressions.includes(each)), ...expressions.flatMap(namesIn)];
    const isThere = named.every((name) => found.columns.some((column) => column.name === name));
    const isGuaranteed = guaranteed.some((key) =>
      key.columns.length === columns.length && (key.nullsAlike || !nullsAlike) &&
      key.columns.every((each, place) =>
        isSameElement(each, columns[place]!)
      ) &&
      (key.where === null || (where !== null && isSameExpression(key.where, where, dialect)))
    ) && [...named, ...also].every((name) => staysAlike(name, subject));
    const isUnknown = texts.some((text) => hasParameter(text, dialect));
    if (!isThere || isGuaranteed || isUnknown) return [];
    const elements = columns.map((each) => expressions.includes(each) ? `(${each})` : quoteName(each));
    const names = elements.join(", ");
    const condition = where === null ? "" : ` WHERE ${where}`;
    const repeated = `SELECT ${names} FROM ${
      markedTable(table.name)
    }${condition} GROUP BY ${names} HAVING count(*) > 1`;
    return [demand({
      kind: "duplicate",
      columns: named,
      also,
      state: `have the same ${columns.join(" and ")} as another`,
      condition: `${(nullsAlike ? isAmong : isIn)({ elements, table: table.name, rows: repeated })}${
        where === null ? "" : ` AND (${where})`
      }`,
      order: elements,
      isCalled: nullsAlike === true,
      hasExpression: texts.length > 0 || named.some((name) => isUsers(name, subject)),
    }, subject)];
  });

  function namesIn(expression: string): readonly string[] {
    return columnsIn(expression, table.columns, dialect);
  }

  function isSameElement(one: string, other: string): boolean {
    return one === other || isSameExpression(one, other, dialect);
  }
}

/** What a row has, and the rows among which there may be one that has the same. */
interface Among {
  readonly elements: readonly string[];
  readonly table: string;
  readonly rows: string;
}

function isIn({ elements, rows }: Among): string {
  return `${elements.length > 1 ? `(${elements.join(", ")})` : elements.join()} IN (${rows})`;
}

/** {@link isIn}, where NULL is the same as NULL. */
function isAmong({ elements, table, rows }: Among): string {
  const same = elements.map((each) => `repeated.${each} IS NOT DISTINCT FROM ${quoteName(table)}.${each}`);
  return `EXISTS (SELECT 1 FROM (${rows}) AS repeated WHERE ${same.join(" AND ")})`;
}

const isOwnType: Readonly<Record<Dialect, (type: string) => boolean>> = {
  sqlite: () => true,
  postgresql: isServersType,
};

/** Whether a column is compared by operators that only the user's path finds. */
function isUsers(name: string, { dialect, found }: DemandSources): boolean {
  const type = found.columns.find((column) => column.name === name)?.type;
  return type !== undefined && !isOwnType[dialect](type);
}

/** Whether what is in a column differs and compares with its new type as it does with the old one. */
function staysAlike(name: string, { table, found, trust }: DemandSources): boolean {
  const [old, now] = [found, table].map(({ columns }) => columns.find((column) => column.name === name));
  return !trust.types || old === undefined || now === undefined || isOfFamily(old.type, now.type);
}

function keysOf(table: Table): readonly Key[] {
  return [
    ...table.primaryKey.length === 0 ? [] : [{ columns: table.primaryKey, where: null }],
    ...table.uniques.map(({ columns, nullsAlike }) => ({
      columns,
      where: null,
      ...nullsAlike ? { nullsAlike } : {},
    })),
    ...table.indexes.filter((index) => index.unique && index.valid).map(({ columns, where }) => ({
      // What occurs once does so in any order.
      columns: columns.map((column) => column.replace(/ (?:DESC|NULLS FIRST)( NULLS LAST)?$/, "")),
      where,
    })),
  ];
}

function ofCheck(check: Check, subject: DemandSources): readonly Demand[] {
  const { table, found, dialect } = subject;
  const columns = columnsIn(check.expression, table.columns, dialect);
  const isGuaranteed =
    found.checks.some((each) => each.valid && isSameExpression(each.expression, check.expression, dialect)) &&
    columns.every((name) => staysAlike(name, subject));
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
  const { table, found, tables, schemas, trust } = subject;
  const isGuaranteed = trust.references &&
    found.foreignKeys.some((each) =>
      each.valid && each.table === key.table && sameNames(each.columns, key.columns) &&
      sameNames(each.references, key.references)
    );
  const isThere = key.columns.every((name) => found.columns.some((column) => column.name === name));
  if (isGuaranteed || !isThere) return [];
  const own = quoteName(table.name);
  const given = key.columns.map((name) => `${own}.${quoteName(name)} IS NOT NULL`).join(" AND ");
  const host = tables.has(key.table) || placeOfName(key.table, schemas ?? []).schema !== null
    ? null
    : hostTable(key.table);
  const parent = host === null ? markedTable(key.table) : quoteTable(key.table, [host.schema]);
  const same = key.columns.map((name, place) =>
    `parent.${quoteName(key.references[place]!)} = ${own}.${quoteName(name)}`
  );
  const none = tables.has(key.table) || host !== null
    ? ` AND NOT EXISTS (SELECT 1 FROM ${parent} AS parent WHERE ${same.join(" AND ")})`
    : "";
  const state = `refer by ${key.columns.join(" and ")} to ${key.table} that are not there`;
  const hasExpression = key.columns.some((name) => isUsers(name, subject));
  const orphans = demand(
    {
      kind: "orphan",
      columns: key.columns,
      state,
      condition: `${given}${none}`,
      isCalled: true,
      hasExpression,
    },
    subject,
  );
  // No script makes or changes what is the host's.
  const parents = host === null
    ? key.references.map((column) => ({ table: key.table, column, isTested: false }))
    : [];
  return [{
    ...orphans,
    reads: [...orphans.reads, ...parents],
    ...host === null ? {} : { readsHost: true },
  }];
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.join("\0") === b.join("\0");
}
