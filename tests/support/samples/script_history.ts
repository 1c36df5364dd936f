import type { Dialect } from "../../../src/base/dialect.ts";
import { buildHistory, type History } from "../../../src/history/history.ts";

/** What drizzle-kit writes for a schema without tables: enough where only scripts matter. */
export const emptySnapshots: Readonly<Record<Dialect, object>> = {
  sqlite: {
    version: "6",
    dialect: "sqlite",
    tables: {},
    views: {},
    enums: {},
    _meta: { schemas: {}, tables: {}, columns: {} },
  },
  postgresql: {
    version: "7",
    dialect: "postgresql",
    tables: {},
    enums: {},
    schemas: {},
    sequences: {},
    roles: {},
    policies: {},
    views: {},
    _meta: { schemas: {}, tables: {}, columns: {} },
  },
};

/** Returns the id of the revision at a place in {@link historyOf}. */
export function idOf(index: number): string {
  return String(index + 1).padStart(12, "0");
}

/** Returns a history of these scripts, in memory; of those with a way back, that too. */
export function historyOf(
  dialect: Dialect,
  scripts: readonly (string | readonly [up: string, down: string])[],
): History {
  const tag = (index: number) => `${idOf(index)}_step`;
  const entries = scripts.map((_, idx) => ({ idx, when: idx, tag: tag(idx) }));
  const texts = new Map([
    ["meta/_journal.json", JSON.stringify({ dialect, entries })],
    ...scripts.flatMap((script, index) => {
      const [up, down] = typeof script === "string" ? [script] : script;
      const way = down === undefined ? [] : [[`${tag(index)}.down.sql`, down] as const];
      return [[`${tag(index)}.sql`, up] as const, ...way];
    }),
  ]);
  const snapshot = JSON.stringify({ ...emptySnapshots[dialect], id: "1", prevId: "0" });
  const read = (path: string) =>
    texts.get(path) ?? (/^meta\/.*_snapshot\.json$/.test(path) ? snapshot : null);
  return buildHistory(dialect, { folder: `drizzle/${dialect}`, read });
}
