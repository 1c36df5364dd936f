import type { Dialect } from "../base/dialect.ts";
import type { KitSnapshot } from "../schema/kit_snapshot.ts";

/** drizzle-kit's engine. It is three megabytes of JavaScript, so it is loaded when it is asked for. */
export interface DrizzleEngine {
  /** Returns the snapshot of Drizzle tables, by any names. Its ids are made up. */
  snapshot(dialect: Dialect, tables: Readonly<Record<string, unknown>>): Promise<KitSnapshot>;
  /**
   * Returns the statements that lead from one snapshot to another. It asks on the terminal, or fails without one, when
   * something could have been renamed; `stagesOf` leaves it nothing to ask.
   */
  difference(from: KitSnapshot, to: KitSnapshot): Promise<readonly string[]>;
}

/** Loads drizzle-kit. The only place that does. */
export async function loadDrizzleEngine(): Promise<DrizzleEngine> {
  const kit = await import("drizzle-kit/api");
  return {
    async snapshot(dialect, tables) {
      const json = dialect === "sqlite"
        ? await kit.generateSQLiteDrizzleJson({ ...tables })
        : kit.generateDrizzleJson({ ...tables });
      return json as unknown as KitSnapshot;
    },
    difference(from, to) {
      // What comes from a file is checked by drizzle-kit itself.
      return from.dialect === "sqlite"
        ? kit.generateSQLiteMigration(from as never, to as never)
        : kit.generateMigration(from as never, to as never);
    },
  };
}
