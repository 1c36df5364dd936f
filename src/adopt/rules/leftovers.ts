import type { Dialect } from "../../base/dialect.ts";
import { guardOf, replacementOf } from "../../author/rules/script/postgres/interim_names.ts";
import { isSameExpression } from "../../schema/expressions/compare.ts";
import type { Check, Index, Snapshot, Table } from "../../schema/snapshot.ts";
import { quoteName } from "../../sql/quote.ts";
import { placeOfName, quoteTable } from "../../sql/table_names.ts";
import { type BridgeStatement, step } from "./bridge_statement.ts";

/** A schema without what a bridge that was interrupted left in it, which is no part of any revision. */
export interface Tidied {
  readonly live: Snapshot;
  /** Takes away what would be in the way of the next bridge. */
  readonly statements: readonly BridgeStatement[];
}

const goesInPhases: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/**
 * Takes away of a live schema what a bridge in phases makes on its way: the checks by which `SET NOT NULL` need not read a
 * table, and the indexes that are to take another's place.
 */
export function withoutLeftovers(live: Snapshot, head: Snapshot): Tidied {
  if (!goesInPhases[live.dialect]) return { live, statements: [] };
  const statements: BridgeStatement[] = [];
  const tables = live.tables.map((table): Table => {
    const wanted = head.tables.find(({ name }) => name === table.name);
    if (wanted === undefined) return table;
    const checks = table.checks.filter((check) => isGuard(check, { table, wanted, schemas: live.schemas }));
    const indexes = table.indexes.filter((index) => isReplacement(index, table, wanted));
    statements.push(
      ...checks.map(({ name }) =>
        step(`ALTER TABLE ${quoteTable(table.name, live.schemas)} DROP CONSTRAINT ${quoteName(name ?? "")}`)
      ),
      ...indexes.map(({ name }) => step(`DROP INDEX ${quoteTable(name, live.schemas)}`)),
    );
    return {
      ...table,
      checks: table.checks.filter((each) => !checks.includes(each)),
      indexes: table.indexes.filter((each) => !indexes.includes(each)),
    };
  });
  return { live: { ...live, tables }, statements };
}

function isGuard(
  { name, expression }: Check,
  { table, wanted, schemas }: {
    readonly table: Table;
    readonly wanted: Table;
    readonly schemas: Snapshot["schemas"];
  },
): boolean {
  const nameOf = (column: string) => placeOfName(guardOf(table.name, column), schemas ?? []).bare;
  return table.columns.some((column) =>
    !column.notNull && name === nameOf(column.name) &&
    wanted.columns.some((each) => each.name === column.name && each.notNull) &&
    isSameExpression(expression, `${quoteName(column.name)} IS NOT NULL`, "postgresql")
  );
}

function isReplacement(index: Index, table: Table, wanted: Table): boolean {
  return wanted.indexes.some((each) =>
    index.name === replacementOf(each.name) && table.indexes.some(({ name }) => name === each.name) &&
    !wanted.indexes.some(({ name }) => name === index.name) &&
    index.unique === each.unique && index.columns.join() === each.columns.join()
  );
}
