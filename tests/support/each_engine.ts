import type { Dialect } from "../../src/base/dialect.ts";
import process from "node:process";
import { test } from "node:test";
import type { Database } from "../../src/engines/database.ts";
import { type Engine, engines, withTestDatabase } from "./databases.ts";
import { bundleVariable } from "./script_command.ts";

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
  // What the bundle has instead of a module of the sources speaks to either PostgreSQL in the same way.
  const isBundle = process.env[bundleVariable] !== undefined;
  const all = isBundle ? engines.filter(({ name }) => name !== "postgres 15") : engines;
  const meant = all.filter((engine) => dialect === undefined || engine.dialect === dialect);
  onEngines(meant.map(({ name }) => name), rule, work);
}

/** Declares one test for each of these engines: where others would tell nothing new. */
export function onEngines(
  names: readonly Engine["name"][],
  rule: string,
  work: (given: Given) => Promise<void> | void,
): void {
  for (const engine of engines.filter(({ name }) => names.includes(name))) {
    test(`${engine.name}: ${rule}`, () =>
      engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => await work({ engine, url, database }))
      ));
  }
}
