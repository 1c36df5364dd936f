import type { Dialect } from "../../base/dialect.ts";
import type { KitSnapshot } from "../../schema/kit_snapshot.ts";
import type { Casing } from "../../schema/twins/tables.ts";
import { filterValues } from "../../base/records.ts";
import { codedForKit, decoded } from "../../schema/kit_code.ts";
import { quoteName } from "../../sql/quote.ts";
import { withWholeDefaults } from "../../schema/twins/whole_defaults.ts";

/** drizzle-kit's engine. It is three megabytes of JavaScript, so it is loaded when it is asked for. */
export interface DrizzleEngine {
  /** Returns the snapshot of Drizzle tables, by any names. Its ids are made up. */
  snapshot(
    dialect: Dialect,
    tables: Readonly<Record<string, unknown>>,
    casing?: Casing | undefined,
  ): Promise<KitSnapshot>;
  /**
   * Returns the statements that lead from one snapshot to another. It asks on the terminal, or fails without one, when
   * something could have been renamed; `stagesOf` leaves it nothing to ask.
   */
  difference(from: KitSnapshot, to: KitSnapshot): Promise<readonly string[]>;
}

/** drizzle-kit's functions for a dialect. */
interface KitEngine {
  snapshot(tables: Record<string, unknown>, casing: Casing | undefined): unknown;
  difference(from: KitSnapshot, to: KitSnapshot): Promise<readonly string[]>;
}

/** Loads drizzle-kit. The only place that does. */
export async function loadDrizzleEngine(): Promise<DrizzleEngine> {
  const kit = await import("drizzle-kit/api");
  // What comes from a file is checked by drizzle-kit itself.
  const engines: Readonly<Record<Dialect, KitEngine>> = {
    sqlite: {
      snapshot: (tables, casing) => kit.generateSQLiteDrizzleJson(tables, undefined, casing),
      difference: (from, to) => kit.generateSQLiteMigration(from as never, to as never),
    },
    postgresql: {
      snapshot: (tables, casing) => kit.generateDrizzleJson(tables, undefined, undefined, casing),
      difference: (from, to) => kit.generateMigration(from as never, to as never),
    },
  };
  return {
    async snapshot(dialect, tables, casing) {
      const json = await engines[dialect].snapshot({ ...tables }, casing);
      return withWholeDefaults(json as unknown as KitSnapshot, tables);
    },
    async difference(from, to) {
      // Snapshots of older kits, and edited ones, may lack sections that drizzle-kit wants.
      const empty = await engines[from.dialect].snapshot({}, undefined) as KitSnapshot;
      // The tables of a history's snapshots are shared, and drizzle-kit may do with its own what it likes.
      const [before, after] = withoutSameTables(from, to)
        .map((each) => structuredClone({ ...empty, ...codedForKit(each) }));
      const statements = await engines[from.dialect].difference(before!, after!);
      return statements.map((each) => decoded(withQuotedUniques(each, after!)));
    },
  };
}

/** drizzle-kit writes the name of a UNIQUE constraint as it is into a new table of SQLite's. */
function withQuotedUniques(statement: string, { tables }: KitSnapshot): string {
  const names = Object.values(tables).flatMap((table) => Object.keys(table.uniqueConstraints));
  return names.reduce(
    (sql, name) =>
      sql.replaceAll(`\tCONSTRAINT ${name} UNIQUE(`, () => `\tCONSTRAINT ${quoteName(name)} UNIQUE(`),
    statement,
  );
}

/**
 * Leaves out the tables that are the same in both snapshots, where all else is, too: drizzle-kit takes its time to compare them,
 * and looks at them only where a type or a policy changes that they may have.
 */
function withoutSameTables(from: KitSnapshot, to: KitSnapshot): readonly [KitSnapshot, KitSnapshot] {
  const isOther = (key: string) => JSON.stringify(from[key] ?? {}) !== JSON.stringify(to[key] ?? {});
  if (Object.keys({ ...from, ...to }).some((key) => !ofTables.includes(key) && isOther(key))) {
    return [from, to];
  }
  const isSame = (key: string) => JSON.stringify(from.tables[key]) === JSON.stringify(to.tables[key]);
  const changed = (snapshot: KitSnapshot): KitSnapshot => ({
    ...snapshot,
    tables: filterValues(snapshot.tables, (_, key) => !isSame(key)),
  });
  return [changed(from), changed(to)];
}

/** What a snapshot says of its tables and of itself. */
const ofTables = ["tables", "_meta", "internal", "version", "id", "prevId"];
