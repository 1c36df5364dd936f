import { foldName, isSameName } from "../../../../base/fold_name.ts";
import { affinityOf } from "../../../../sql/affinity.ts";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import type { Replica } from "../form/replica.ts";
import { readTable, type ReferenceForm, rowIdName, type TableForm } from "../form/table.ts";

/** A foreign key that a new definition has and the old one does not. */
export interface NewReference extends ReferenceForm {
  readonly table: string;
  /** The table that it refers to, and its indexes, as they have to be still when the definition changes. */
  readonly parent: string;
  readonly parentTexts: readonly string[];
  /** Whether the columns have the affinities and collations of the keys, so that an index of the columns finds what refers to a key. */
  readonly isAlike: boolean;
}

/**
 * Returns the foreign keys that are new; `null` where one could not be looked after: its table is not there, or its rows have no ids to
 * go by, or SQLite does not take what it refers to for a key.
 */
export function readNewReferences(
  from: Replica,
  to: Replica,
  { before, after }: { readonly before: TableForm; readonly after: TableForm },
): readonly NewReference[] | null {
  const known = new Set(before.references.map((reference) => foldName(JSON.stringify(reference))));
  const made = after.references.filter((reference) => !known.has(foldName(JSON.stringify(reference))));
  if (made.length > 0 && !isCheckable(to, after)) return null;
  const found = made.flatMap((reference): readonly NewReference[] => {
    const { columns, keys } = reference;
    const parent = readTable(from, reference.parent);
    if (parent === null || rowIdName(parent) === null || keys.length !== columns.length) return [];
    const kinds = ([table, names]: readonly [TableForm, readonly string[]]) =>
      names.map((name) => {
        const column = table.columns.find((each) => isSameName("sqlite", each.name, name));
        return column && [affinityOf(column.type), foldName(column.collation)];
      });
    const [own, others] = [kinds([after, columns]), kinds([parent, keys])];
    return [{
      ...reference,
      table: after.name,
      parent: parent.name,
      parentTexts: [parent.sql, ...parent.indexes.map(({ sql }) => sql)],
      isAlike: JSON.stringify(own) === JSON.stringify(others),
    }];
  });
  return found.length === made.length ? found : null;
}

/** Whether SQLite says no "foreign key mismatch", as it would for whoever writes to either table. */
function isCheckable({ rows }: Replica, { name }: TableForm): boolean {
  try {
    rows(`PRAGMA foreign_key_check(${quoteText(name)})`);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns an expression that is true of a row which refers to nothing. A key is compared with its own affinity and collation, whatever
 * those of the column are: the sign takes them from that.
 *
 * Source: https://www.sqlite.org/foreignkeys.html#fk_basics
 */
export function dangling(
  { name }: { readonly name: string },
  { columns, parent, keys }: ReferenceForm,
): string {
  const own = columns.map((column) => `${quoteName(name)}.${quoteName(column)}`);
  const given = own.map((column) => `${column} IS NOT NULL`);
  const same = keys.map((key, place) => `harbor_parent.${quoteName(key)} = +${own[place]}`);
  return `${given.join(" AND ")} AND NOT EXISTS (SELECT 1 FROM ${quoteName(parent)} AS harbor_parent WHERE ${
    same.join(" AND ")
  })`;
}
