import type { Obstacle } from "../../migrate/rules/obstacle.ts";
import type { Index, Snapshot } from "../../schema/snapshot.ts";
import { cutName, postgresNameOf } from "../../sql/cut_name.ts";
import { quoteName } from "../../sql/quote.ts";
import type { BridgeStatement } from "./bridge_statement.ts";

/**
 * Returns the statements for one that adds a key. An index that is there for it, as an interrupted bridge leaves one, takes the
 * place of the one that it would make; one that is not valid goes first.
 */
export function withIndexThere(sql: string, live: Snapshot): readonly string[] {
  const key = addedKey(sql);
  const found = key === null ? undefined : holderOf(key.name, live);
  if (key === null || found === undefined || !isMadeFor(key, found)) return [sql];
  const name = quoteName(key.name);
  if (!found.index.valid) return [`DROP INDEX ${name};`, sql];
  return [`ALTER TABLE ${quoteName(key.table)} ADD CONSTRAINT ${name} ${key.kind} USING INDEX ${name};`];
}

/** Returns the indexes of a live schema that have a name which a key of the bridge needs, and are of something else. */
export function takenKeyNames(
  statements: readonly Pick<BridgeStatement, "sql">[],
  live: Snapshot,
): readonly Obstacle[] {
  return statements.flatMap(({ sql }) => {
    const key = addedKey(sql);
    const found = key === null ? undefined : holderOf(key.name, live);
    if (key === null || found === undefined || isMadeFor(key, found)) return [];
    return [{
      path: `index ${key.name}`,
      state: `the table ${found.table} has the index ${key.name}, a name that a key of ${key.table} needs`,
      remedy: `Give that index another name: ALTER INDEX ${quoteName(key.name)} RENAME TO ${
        quoteName(`${key.name}_old`)
      };`,
    }];
  });
}

/** Returns the paths of the indexes that a bridge makes part of a key: they are no longer indexes of their own, and not lost. */
export function indexesTaken(statements: readonly Pick<BridgeStatement, "sql">[]): readonly string[] {
  return statements.flatMap(({ sql }) => {
    const [, name] = / USING INDEX "([^"]+)";?$/.exec(sql) ?? [];
    return name === undefined ? [] : [`index ${name}`];
  });
}

interface AddedKey {
  readonly table: string;
  readonly name: string;
  readonly kind: string;
  readonly columns: readonly string[];
}

function addedKey(sql: string): AddedKey | null {
  const [, table, name, kind, columns] =
    /^ALTER TABLE "([^"]+)" ADD (?:CONSTRAINT "([^"]+)" )?(UNIQUE|PRIMARY KEY) ?\(([^)]*)\);?$/
      .exec(sql) ?? [];
  if (table === undefined || kind === undefined || columns === undefined) return null;
  const names = columns.split(",").map((column) => column.trim().slice(1, -1));
  return { table, name: postgresNameOf(name ?? `${cutName(table, 58)}_pkey`), kind, columns: names };
}

interface Holder {
  readonly table: string;
  /** `null` where it belongs to a constraint. */
  readonly index: Index | null;
}

type IndexHolder = Holder & { readonly index: Index };

/** The names of indexes are those of the whole schema. */
function holderOf(name: string, live: Snapshot): Holder | undefined {
  return live.tables.flatMap(({ name: table, indexes, uniques }): Holder[] => [
    ...indexes.filter((each) => each.name === name).map((index) => ({ table, index })),
    ...uniques.filter((each) => each.name === name).map(() => ({ table, index: null })),
  ])[0];
}

function isMadeFor({ table, columns }: AddedKey, found: Holder): found is IndexHolder {
  const { index } = found;
  return found.table === table && index !== null && index.unique && index.where === null &&
    String(index.columns) === String(columns);
}
