import type { Obstacle } from "../../migrate/preflight/rules/obstacle.ts";
import type { Index, Snapshot } from "../../schema/snapshot.ts";
import { cutName, postgresNameOf } from "../../sql/cut_name.ts";
import { quoteName } from "../../sql/quote.ts";
import { nameIn, placeOfName, quoteTable, withPlainNames } from "../../sql/table_names.ts";
import type { BridgeStatement } from "./bridge_statement.ts";

/**
 * Returns the statements for one that adds a key. An index that is there for it, as an interrupted bridge leaves one, takes the
 * place of the one that it would make; one that is not valid goes first.
 */
export function withIndexThere(sql: string, live: Snapshot): readonly string[] {
  const key = addedKey(sql, live);
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
  const texts = statements.map(({ sql }) => withPlainNames(sql, live.schemas));
  return texts.flatMap((text, place) => {
    const key = addedKey(text, live);
    const found = key === null ? undefined : holderOf(key.name, live);
    if (key === null || found === undefined || isMadeFor(key, found)) return [];
    const isDropped = texts.slice(0, place).some((each) => dropsConstraint(each, found.table, key.name));
    if (found.index === null && isDropped) return [];
    return [{
      path: `index ${key.name}`,
      state: `the table ${found.table} has the index ${key.name}, a name that a key of ${key.table} needs`,
      remedy: `Give that index another name: ALTER INDEX ${quoteTable(key.name, live.schemas)} RENAME TO ${
        quoteName(`${placeOfName(key.name, live.schemas ?? []).bare}_old`)
      };`,
    }];
  });
}

/** Whether a statement drops a constraint: another that compares NULLs otherwise takes its place. */
function dropsConstraint(sql: string, table: string, name: string): boolean {
  return sql.startsWith(`ALTER TABLE ${quoteName(table)} DROP CONSTRAINT ${quoteName(name)}`);
}

/** Returns the paths of the indexes that a bridge makes part of a key: they are no longer indexes of their own, and not lost. */
export function indexesTaken(statements: readonly Pick<BridgeStatement, "sql">[]): readonly string[] {
  return statements.flatMap(({ sql }) => {
    const [, schema, name] = /^ALTER TABLE (?:"([^"]+)"\.)?"[^"]+" .* USING INDEX "([^"]+)";?$/.exec(sql) ??
      [];
    return name === undefined ? [] : [`index ${nameIn(schema, name)}`];
  });
}

interface AddedKey {
  readonly table: string;
  /** Its index's, which is in the table's schema. */
  readonly name: string;
  readonly kind: string;
  readonly columns: readonly string[];
}

function addedKey(sql: string, { schemas = [] }: Snapshot): AddedKey | null {
  const [, table, said, kind, columns] =
    /^ALTER TABLE "([^"]+)" ADD (?:CONSTRAINT "([^"]+)" )?(UNIQUE|PRIMARY KEY) ?\(([^)]*)\);?$/
      .exec(sql) ?? [];
  if (table === undefined || kind === undefined || columns === undefined) return null;
  const names = columns.split(",").map((column) => column.trim().slice(1, -1));
  const { schema, bare } = placeOfName(table, schemas);
  const name = postgresNameOf(said ?? `${cutName(bare, 58)}_pkey`);
  return { table, name: nameIn(schema, name), kind, columns: names };
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
    ...uniques.filter((each) => each.name !== null && nameBeside(table, each.name, live) === name)
      .map(() => ({ table, index: null })),
  ])[0];
}

/** A constraint's name says nothing of its schema, and that of its index does. */
function nameBeside(table: string, constraint: string, { schemas = [] }: Snapshot): string {
  return nameIn(placeOfName(table, schemas).schema, constraint);
}

function isMadeFor({ table, columns }: AddedKey, found: Holder): found is IndexHolder {
  const { index } = found;
  return found.table === table && index !== null && index.unique && index.where === null &&
    String(index.columns) === String(columns);
}
