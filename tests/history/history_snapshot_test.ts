import type { Dialect } from "../../src/base/dialect.ts";
import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compareSnapshots } from "../../src/schema/compare/snapshots.ts";
import { normalizeDrizzleSnapshot } from "../../src/schema/drizzle_snapshot.ts";
import { readKitSnapshot } from "../../src/schema/kit_snapshot.ts";
import { breakpoint } from "../../src/history/scripts/script.ts";
import type { Snapshot } from "../../src/schema/snapshot.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { type Engine, engines, withTestDatabase } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { tablesFor } from "../support/samples/two_revisions.ts";
import { boats, ports, voyages } from "../support/samples/whole_schema.ts";

/** Runs the statements on a new database and returns the schema that is there afterwards. */
function schemaAfter(engine: Engine, statements: readonly string[]): Promise<Snapshot> {
  return engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      await database.write(statements.map((statement) => sql.raw(statement)), "schema");
      return await database.introspect();
    })
  );
}

function readHistory(dialect: Dialect): { readonly tags: readonly string[]; read(path: string): string } {
  const read = (path: string) => readFileSync(projectFile(`drizzle/${dialect}/${path}`), "utf8");
  return {
    tags: JSON.parse(read("meta/_journal.json")).entries.map((entry: { tag: string }) => entry.tag),
    read,
  };
}

async function generated(dialect: Dialect): Promise<{ json: unknown; statements: readonly string[] }> {
  const engine = await loadDrizzleEngine();
  const json = await engine.snapshot(dialect, tablesFor(dialect, [ports, boats, voyages]));
  return { json, statements: await engine.difference(await engine.snapshot(dialect, {}), json) };
}

function normalized(json: unknown): Snapshot {
  return normalizeDrizzleSnapshot(readKitSnapshot({ path: "snapshot", json }));
}

for (const engine of engines) {
  test(`each revision leaves what its snapshot says, on ${engine.name}`, async () => {
    const { tags, read } = readHistory(engine.dialect);
    for (const [last, tag] of tags.entries()) {
      const scripts = tags.slice(0, last + 1).map((tag) => read(`${tag}.sql`));
      const expected = normalized(JSON.parse(read(`meta/${tag.slice(0, 12)}_snapshot.json`)));
      const actual = await schemaAfter(engine, scripts.flatMap((script) => script.split(breakpoint)));
      assert.deepEqual(compareSnapshots(expected, actual), [], tag);
    }
  });

  test(`what every word of a schema makes is what the snapshot says, on ${engine.name}`, async () => {
    const { json, statements } = await generated(engine.dialect);
    const expected = normalized(JSON.parse(JSON.stringify(json)));
    assert.deepEqual(compareSnapshots(expected, await schemaAfter(engine, statements)), []);
    const other = compareSnapshots(expected, { ...expected, tables: expected.tables.slice(1) });
    assert.deepEqual(other.map((difference) => difference.path), ["table boats"]);
  });
}
