import { type KitEnds } from "../../schema/kit_snapshot.ts";
import { tablesByName } from "./renames.ts";

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
