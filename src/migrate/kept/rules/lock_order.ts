import { foldName } from "../../../base/fold_name.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { Table } from "../../../schema/snapshot.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";

/**
 * Returns the tables that statements define anew or take away, and those that are locked anyhow, in the order in which to lock them:
 * those that refer to others first. Who writes to one has its lock already when the rows that it refers to are looked for, so that in
 * any other order one would wait for the other.
 */
export function lockOrder(
  tables: readonly Pick<Table, "name" | "foreignKeys" | "indexes">[],
  { statements, locked, dialect }: {
    readonly statements: readonly string[];
    readonly locked: readonly string[];
    readonly dialect: Dialect;
  },
): readonly string[] {
  const meant = new Set(locked);
  for (const statement of statements) {
    const name = definedBy(statement, dialect);
    const found = tables.find((table) =>
      [name, foldName(name)].some((each) =>
        each === table.name || table.indexes.some((index) => index.name === each)
      )
    );
    if (found !== undefined) meant.add(found.name);
  }
  const depthOf = (name: string, seen: readonly string[]): number => {
    if (seen.includes(name)) return 0;
    const keys = tables.find((table) => table.name === name)?.foreignKeys ?? [];
    return 1 + Math.max(0, ...keys.map((key) => depthOf(key.table, [...seen, name])));
  };
  return [...meant].map((name) => ({ name, depth: depthOf(name, []) }))
    .toSorted((a, b) => b.depth - a.depth || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** Returns the table or the index that a statement locks to the end of its transaction, so that nobody reads it; "" for none. */
function definedBy(statement: string, dialect: Dialect): string {
  const cursor = cursorAt(tokensOf(statement, dialect));
  if (cursor.take("ALTER", "TABLE") || cursor.take("DROP", "TABLE") || cursor.take("DROP", "INDEX")) {
    cursor.take("IF", "EXISTS");
    cursor.take("ONLY");
    return cursor.name();
  }
  return "";
}
