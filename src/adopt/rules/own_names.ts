import { keyOf } from "../../base/fold_name.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";
import { quoteName } from "../../sql/quote.ts";
import type { RevisionSchema } from "../../state/rules/match_revision.ts";
import { step } from "./bridge_statement.ts";
import type { Tidied } from "./leftovers.ts";

/**
 * Gives columns the names that head has for them where the engine takes both for one and no revision has theirs: SQLite would refuse
 * to add `name` beside `Name`.
 */
export function withOwnNames(
  live: Snapshot,
  { schemas, head }: { readonly schemas: readonly RevisionSchema[]; readonly head: Snapshot },
): Tidied {
  const { dialect } = live;
  const key = (name: string) => keyOf(name, dialect);
  const known = new Set(
    schemas.flatMap(({ snapshot: { tables } }) =>
      tables.flatMap(({ name, columns }) => columns.map((column) => `${name}\n${column.name}`))
    ),
  );
  const wanted = new Map(
    head.tables.map(({ name, columns }) => [
      key(name),
      new Map(columns.map((column) => [key(column.name), column.name])),
    ]),
  );
  const nameIn = (table: string, name: string) =>
    known.has(`${table}\n${name}`) ? name : wanted.get(key(table))?.get(key(name)) ?? name;
  const tables = live.tables.map((table) => renamed(table, nameIn));
  const statements = live.tables.flatMap(({ name: table, columns }) =>
    columns.filter(({ name }) => nameIn(table, name) !== name).map(({ name }) =>
      step(
        `ALTER TABLE ${quoteName(table)} RENAME COLUMN ${quoteName(name)} TO ${
          quoteName(nameIn(table, name))
        }`,
      )
    )
  );
  return { live: { ...live, tables }, statements };
}

/** Expressions stay as they are: they are compared as the engine reads them. */
function renamed(table: Table, nameIn: (table: string, column: string) => string): Table {
  const own = (name: string) => nameIn(table.name, name);
  const ofIndex = (column: string) => {
    const [, name = column, order = ""] = /^(.*?)( DESC)?$/s.exec(column) ?? [];
    return own(name) + order;
  };
  return {
    ...table,
    columns: table.columns.map((column) => ({ ...column, name: own(column.name) })),
    primaryKey: table.primaryKey.map(own),
    uniques: table.uniques.map((unique) => ({ ...unique, columns: unique.columns.map(own) })),
    indexes: table.indexes.map((index) => ({ ...index, columns: index.columns.map(ofIndex) })),
    foreignKeys: table.foreignKeys.map((key) => ({
      ...key,
      columns: key.columns.map(own),
      references: key.references.map((name) => nameIn(key.table, name)),
    })),
  };
}
