import type { Dialect } from "../../src/base/dialect.ts";
import { test } from "node:test";
import type { Database } from "../../src/engines/database.ts";
import { type Engine, engines, withTestDatabase } from "./databases.ts";

/** What a test of a suite gets. */
export interface Given {
  readonly engine: Engine;
  /** Of a new, empty database. */
  readonly url: string;
  /** The same one, open for writing. */
  readonly database: Database;
}

/** Declares one test for each engine, or for each engine of one dialect. */
export function eachEngine(
  rule: string,
  work: (given: Given) => Promise<void> | void,
  dialect?: Dialect,
): void {
  for (const engine of engines) {
    if (dialect !== undefined && engine.dialect !== dialect) continue;
    test(`${engine.name}: ${rule}`, () =>
      engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => await work({ engine, url, database }))
      ));
  }
}
