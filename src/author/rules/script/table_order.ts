import { canonical } from "../../../schema/same_schema.ts";
import type { KitEnds, KitSnapshot } from "../../../schema/kit_snapshot.ts";
import { tablesByName } from "../change/renames.ts";

/** Puts the statements that drop a table for good last, each after those whose tables refer to its own. */
export function referrersFirst(
  statements: readonly string[],
  { from, to }: KitEnds,
): readonly string[] {
  const tables = tablesByName(from);
  const kept = tablesByName(to);
  const rank = (name: string, seen: readonly string[] = []): number => {
    const keys = Object.values(tables.get(name)?.foreignKeys ?? {});
    const others = keys.map((key) => key.tableTo).filter((table) => table !== name && !seen.includes(table));
    return Math.max(0, ...others.map((table) => 1 + rank(table, [...seen, name])));
  };
  const dropped = (sql: string) => {
    const name = /^DROP TABLE ["`]([^"`]+)["`]/.exec(sql)?.[1];
    return name === undefined || kept.has(name) ? null : name;
  };
  return [
    ...statements.filter((sql) => dropped(sql) === null),
    ...statements.filter((sql) => dropped(sql) !== null)
      .toSorted((a, b) => rank(dropped(b)!) - rank(dropped(a)!)),
  ];
}

/** Returns the statements by which tables let go of each other before PostgreSQL drops them in the order of these. */
export function keysInTheWay(statements: readonly string[], { from, to }: KitEnds): readonly string[] {
  const [tables, kept] = [tablesByName(from), tablesByName(to)];
  const dropped = statements.flatMap((sql) => /^DROP TABLE "([^"]+)"/.exec(sql)?.[1] ?? [])
    .filter((name) => !kept.has(name));
  return dropped.flatMap((name, at) =>
    Object.values(tables.get(name)?.foreignKeys ?? {})
      .filter(({ tableTo }) => dropped.slice(0, at).includes(tableTo))
      .map((key) => `ALTER TABLE "${name}" DROP CONSTRAINT "${key.name}";`)
  );
}

/** A reference that stays, while what makes the columns unique to which it refers becomes another constraint. */
export interface HeldReference {
  readonly drop: string;
  /** What takes that away to which PostgreSQL ties it. */
  readonly held: string;
  readonly add: string;
}

/**
 * Returns the references that have to let go of a constraint before it goes, and take hold of another one afterwards.
 *
 * @param from With the names that `to` has
 * @param columnsOf What a constraint makes unique in a table; `undefined` when it is no such constraint
 */
export function heldReferences(
  statements: readonly string[],
  { from, to }: KitEnds,
  columnsOf: (table: string, constraint: string) => readonly string[] | undefined,
): readonly HeldReference[] {
  const sorted = (columns: readonly string[]) => canonical(columns.toSorted());
  return statements.flatMap((held) => {
    const [, table = "", constraint = ""] = /^ALTER TABLE "([^"]+)" DROP CONSTRAINT "([^"]+)";$/.exec(held) ??
      [];
    const columns = columnsOf(table, constraint);
    if (columns === undefined) return [];
    return staying({ from, to }).filter(({ tableTo, columnsTo }) =>
      tableTo === table && sorted(columnsTo) === sorted(columns)
    ).map((key) => {
      const list = (names: readonly string[]) => names.map((name) => `"${name}"`).join(",");
      const alter = `ALTER TABLE "${key.tableFrom}"`;
      const actions = `ON DELETE ${key.onDelete ?? "no action"} ON UPDATE ${key.onUpdate ?? "no action"}`;
      return {
        held,
        drop: `${alter} DROP CONSTRAINT "${key.name}";`,
        add: `${alter} ADD CONSTRAINT "${key.name}" FOREIGN KEY (${list(key.columnsFrom)}) ` +
          `REFERENCES "${table}"(${list(key.columnsTo)}) ${actions};`,
      };
    });
  });
}

/** Returns the foreign keys that are the same at both ends. */
function staying({ from, to }: KitEnds) {
  const keysOf = (snapshot: KitSnapshot) =>
    Object.values(snapshot.tables).flatMap(({ foreignKeys }) => Object.values(foreignKeys));
  const after = new Map(keysOf(to).map((key) => [`${key.tableFrom}.${key.name}`, canonical(key)]));
  return keysOf(from).filter((key) => after.get(`${key.tableFrom}.${key.name}`) === canonical(key));
}
