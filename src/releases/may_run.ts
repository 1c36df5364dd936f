import { keyOf } from "../base/fold_name.ts";
import type { Dialect } from "../base/dialect.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { type TableColumns, tableColumns } from "../schema/table_columns.ts";
import { columnsOf, type Release, type TableUse } from "./releases.ts";

/** Why a release fails on a schema. */
export interface Reason {
  readonly kind: "missing table" | "missing column" | "value needed" | "generated";
  readonly table: string;
  /** `null` where the whole table is missing. */
  readonly column: string | null;
}

/** Whether a release may run on a schema. */
export interface Verdict {
  /** The release's name. */
  readonly release: string;
  readonly mayRun: boolean;
  /** In the order of its file; empty when it may run. */
  readonly reasons: readonly Reason[];
}

/**
 * Says which releases may run on a schema: those that find every column that they name, and whose INSERT leaves out no
 * column that has to be given. Of a view only that it is there is looked at, since a schema has no columns of it.
 */
export function releasesThatRun(schema: Snapshot, releases: readonly Release[]): readonly Verdict[] {
  const views = schema.others.filter(({ kind }) => /view$/.test(kind)).map(({ name }) => name);
  return releasesThatFind(
    { dialect: schema.dialect, tables: schema.tables.map(tableColumns), views },
    releases,
  );
}

/** What a release may find. */
interface Findings {
  readonly dialect: Dialect;
  readonly tables: readonly TableColumns[];
  readonly views: readonly string[];
}

/** As {@link releasesThatRun}, of tables that nothing more is known of. */
export function releasesThatFind(
  { dialect, ...there }: Findings,
  releases: readonly Release[],
): readonly Verdict[] {
  const tables = new Map(there.tables.map((table) => [keyOf(table.name, dialect), table]));
  const views = new Set(there.views.map((name) => keyOf(name, dialect)));
  return releases.map(({ name: release, tables: uses }) => {
    const reasons = Object.entries(uses).flatMap(([name, use]): readonly Reason[] => {
      const table = tables.get(keyOf(name, dialect));
      if (table !== undefined) return reasonsOf(table, use, { name, dialect });
      return views.has(keyOf(name, dialect)) ? [] : [{ kind: "missing table", table: name, column: null }];
    });
    return { release, mayRun: reasons.length === 0, reasons };
  });
}

function reasonsOf(
  table: TableColumns,
  use: TableUse,
  { name, dialect }: { readonly name: string; readonly dialect: Dialect },
): readonly Reason[] {
  const found = new Map(table.columns.map((column) => [keyOf(column.name, dialect), column]));
  const given = new Set((use.insert ?? []).map((column) => keyOf(column, dialect)));
  const written = new Set([...use.insert ?? [], ...use.update ?? []]);
  const reason = (kind: Reason["kind"], column: string): Reason => ({ kind, table: name, column });
  const named = columnsOf(use).flatMap((column) => {
    const there = found.get(keyOf(column, dialect));
    if (there === undefined) return [reason("missing column", column)];
    return there.isGenerated && written.has(column) ? [reason("generated", column)] : [];
  });
  // A release that inserts nothing leaves nothing out.
  const left = given.size === 0
    ? []
    : table.columns.filter((column) => column.isNeeded && !given.has(keyOf(column.name, dialect)));
  return [...named, ...left.map((column) => reason("value needed", column.name))];
}

/** A release that names what no schema has. */
export interface Stray extends Reason {
  readonly release: string;
}

/** Returns what releases name and none of the schemas has: a slip of the pen, since no database can ever have it. */
export function straysIn(schemas: readonly Snapshot[], releases: readonly Release[]): readonly Stray[] {
  const isMissing = ({ kind }: Reason) => kind === "missing table" || kind === "missing column";
  const missing = schemas.map((schema) =>
    releasesThatRun(schema, releases).flatMap(({ release, reasons }) =>
      reasons.filter(isMissing).map((reason): Stray => ({ release, ...reason }))
    )
  );
  const isIn = (list: readonly Stray[], { release, table, column }: Stray) =>
    list.some((each) =>
      each.release === release && each.table === table && (each.column === null || each.column === column)
    );
  const all = missing.flat().filter((each, at, list) =>
    list.findIndex((other) =>
      other.release === each.release && other.table === each.table && other.column === each.column
    ) === at
  );
  return all.filter((stray) => missing.every((list) => isIn(list, stray)));
}
