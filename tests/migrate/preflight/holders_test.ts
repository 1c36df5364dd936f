import assert from "node:assert/strict";
import { migrate } from "../../../src/migrate/migrate.ts";
import { readApplied } from "../../../src/engines/version_table.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";

const one = ["sqlite file", "libsql", "postgres 15"] as const;
const initial = "71dda59686db";

function go({ database }: Given, direction: "upgrade" | "downgrade", text: string) {
  return migrate(contextOf(database), { goal: { direction, text }, lockWaitMs: 0 });
}

/** Holds a downgrade to being refused by what hangs on a column, before anything of it is done. */
async function refused(given: Given, name: RegExp): Promise<void> {
  const before = await readApplied(given.database);
  const { message, hintLines, details } = await rejectsWith(
    "schema_mismatch",
    go(given, "downgrade", initial),
  );
  assert.match(message, name);
  assert.equal(details["revision"], "5b09ebe23c76");
  assert.match(hintLines.join(), /^Drop the \w+ \w+ and make it again afterwards; its definition: /);
  assert.deepEqual(await readApplied(given.database), before);
}

onEngines(
  one,
  "a view that reads a column which goes is named before anything is done, and what reads others is left alone",
  async (given) => {
    const { engine, url } = given;
    const run = (statement: string) => engine.query(url, statement);
    await go(given, "upgrade", "head");
    await run("CREATE VIEW sizes AS SELECT id, size FROM files");
    await run("CREATE VIEW remote AS SELECT id FROM files WHERE storage_backend = 'r2'");
    await refused(given, /the view remote uses /);
    await run("DROP VIEW remote");
    await go(given, "downgrade", initial);
    assert.deepEqual(await run("SELECT * FROM sizes"), []);
    await go(given, "upgrade", "head");
    await run("CREATE VIEW remote AS SELECT id FROM files WHERE storage_backend = 'r2'");
    assert.deepEqual(await run("SELECT * FROM remote"), []);
  },
);

onEngines(["sqlite file", "libsql"], "so is a trigger or an index, each by its name", async (given) => {
  const { engine, url } = given;
  await go(given, "upgrade", "head");
  for (
    const [kind, name, text] of [
      ["index", "ix_meta", "CREATE INDEX ix_meta ON files (metadata_json)"],
      [
        "trigger",
        "from_users",
        "CREATE TRIGGER from_users AFTER DELETE ON users BEGIN DELETE FROM files WHERE metadata_json = old.uuid; END",
      ],
      [
        "trigger",
        "to_files",
        "CREATE TRIGGER to_files AFTER DELETE ON users BEGIN UPDATE files SET metadata_json = NULL WHERE id = old.id; END",
      ],
    ] as const
  ) {
    await engine.query(url, text);
    await engine.query(url, "CREATE INDEX ix_size ON files (size)");
    await refused(given, new RegExp(`the ${kind} ${name} uses what is not there then`));
    await engine.query(url, `DROP ${kind} ${name}`);
    await engine.query(url, "DROP INDEX ix_size");
  }
});

onEngines(["postgres 15"], "so are a trigger and a policy of PostgreSQL's", async (given) => {
  const { engine, url } = given;
  await go(given, "upgrade", "head");
  for (
    const [kind, name, text] of [
      [
        "trigger",
        "on_meta",
        "CREATE TRIGGER on_meta BEFORE UPDATE OF metadata_json ON files FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
      ],
      ["policy", "own_meta", "CREATE POLICY own_meta ON files USING (metadata_json IS NULL)"],
    ] as const
  ) {
    await engine.query(url, text);
    await refused(given, new RegExp(`the ${kind} ${name} uses files.metadata_json, which goes`));
    await engine.query(url, `DROP ${kind} ${name} ON files`);
  }
});
