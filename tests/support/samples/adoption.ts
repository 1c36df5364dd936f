import type { Dialect } from "../../../src/base/dialect.ts";
import assert from "node:assert/strict";
import type { Snapshot } from "../../../src/schema/snapshot.ts";
import type { Database } from "../../../src/engines/database.ts";
import { adopt } from "../../../src/adopt/adopt.ts";
import type { Adoption } from "../../../src/adopt/prepare.ts";
import type { RunContext } from "../../../src/engines/run_context.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import type { History } from "../../../src/history/history.ts";
import { readHistory } from "../../../src/history/read_history.ts";
import { type Engine, withTestDatabase } from "../databases.ts";
import { projectFile } from "../project.ts";

/** Returns what the verbs work with, on the project's own history unless another is given. */
export function contextOf(database: Database, history?: History): RunContext {
  return {
    database,
    history: history ?? readHistory(projectFile("drizzle"), database.dialect),
    version: "0.0.0",
    signal: new AbortController().signal,
    now: () => new Date(),
    notify: () => {},
  };
}

/** Runs work with the verbs' context of a database. */
export function withContext<T>(url: string, work: (context: RunContext) => Promise<T>): Promise<T> {
  return withTestDatabase(url, (database) => work(contextOf(database)));
}

/** Takes over a database. */
export function adoptDatabase(url: string): Promise<Adoption> {
  return withContext(url, (context) => adopt(context, { lockWaitMs: 0 }));
}

/** Upgrades a database to head. */
export function upgradeDatabase(url: string): Promise<void> {
  return withContext(url, async (context) => {
    await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
  });
}

const heads = new Map<Dialect, Promise<Snapshot>>();

/** Returns the schema that the revisions leave on a new database of an engine. */
export function headSchemaOf(engine: Engine): Promise<Snapshot> {
  const known = heads.get(engine.dialect);
  if (known !== undefined) return known;
  const made = engine.withDatabase(async (url) => {
    await upgradeDatabase(url);
    return await withTestDatabase(url, (database) => database.introspect());
  });
  heads.set(engine.dialect, made);
  return made;
}

/** The id of the last revision. */
export function headOfProject(dialect: Dialect): string {
  return readHistory(projectFile("drizzle"), dialect).revisions.at(-1)?.id ??
    assert.fail("there is no revision");
}
