import type { Dialect } from "../../base/dialect.ts";
import type { KitSnapshot } from "../../schema/kit_snapshot.ts";
import type { Casing } from "../../schema/twins/tables.ts";
import { codedForKit, decoded } from "../../schema/kit_code.ts";
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
      const [before, after] = [from, to].map((each) => structuredClone({ ...empty, ...codedForKit(each) }));
      return (await engines[from.dialect].difference(before!, after!)).map(decoded);
    },
  };
}
