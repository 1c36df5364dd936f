import assert from "node:assert/strict";
import { test } from "node:test";
import { readApplied } from "../../src/engines/version_table.ts";
import { adoptDatabase, headOfProject, upgradeDatabase, withContext } from "../support/samples/adoption.ts";
import { type Engine, engines, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { ddlOf, origins } from "../support/samples/origins.ts";

// Taking over what harbor-db had before: a version table that somebody edited, and tables that only look known.

const alembicHead = origins.find(({ name }) => name === "alembic upgrade f27bd10b7ec4")!;

/** Runs `work` on a database at head whose version table was edited by a statement. */
async function withEdited(engine: Engine, edit: string, work: (url: string) => Promise<void>): Promise<void> {
  await engine.withDatabase(async (url) => {
    await upgradeDatabase(url);
    await engine.query(url, edit);
    await work(url);
  });
}

/** Asserts that the version table says of each revision what the history does, finished. */
async function assertSettled(url: string): Promise<void> {
  await withContext(url, async ({ database, history }) => {
    const rows = new Map((await readApplied(database) ?? []).map((row) => [row.revision, row]));
    assert.deepEqual([...rows.keys()].toSorted(), history.revisions.map(({ id }) => id).toSorted());
    for (const { id, checksum } of history.revisions) {
      const row = rows.get(id)!;
      assert.deepEqual([row.checksum, row.finishedAt !== null], [checksum, true], id);
    }
  });
  await upgradeDatabase(url);
}

// One row an edit that the schema answers: what was edited, the statement, and what upgrade says before.
const answered = [
  [
    "a checksum",
    "UPDATE harbor_version SET checksum = '0' WHERE revision = '71dda59686db'",
    "checksum_mismatch",
  ],
  [
    "a row in the middle that is gone",
    "DELETE FROM harbor_version WHERE revision = '5b09ebe23c76'",
    "out_of_order",
  ],
] as const;

// A row that is not known may be a newer harbor-db's, so nobody may write over it.
const strange =
  "INSERT INTO harbor_version SELECT 'ffffffffffff', name, checksum, direction, statements_done, started_at, finished_at, ms, applied_by, origin FROM harbor_version WHERE revision = '71dda59686db'";

for (const engine of engines) {
  for (const [what, edit, code] of answered) {
    test(`${engine.name}: adopt puts right ${what}, by the schema that is there`, () =>
      withEdited(engine, edit, async (url) => {
        await assert.rejects(upgradeDatabase(url), { code });
        const adoption = await adoptDatabase(url);
        assert.deepEqual([adoption.action, adoption.to], ["stamp", headOfProject(engine.dialect)]);
        await assertSettled(url);
      }));
  }

  test(`${engine.name}: adopt does not write over a row of the version table that it does not know`, () =>
    withEdited(engine, strange, async (url) => {
      const before = await engine.query(url, "SELECT * FROM harbor_version ORDER BY revision");
      await assert.rejects(upgradeDatabase(url), { code: "missing_revision" });
      if (engine.dialect === "sqlite") {
        await engine.query(url, "CREATE TRIGGER mute BEFORE DELETE ON harbor_version BEGIN SELECT 1; END");
        const hanging = await rejectsWith("schema_mismatch", adoptDatabase(url));
        assert.match(hanging.message, /the trigger mute hangs on harbor_version/);
        await engine.query(url, /DROP TRIGGER .*$/.exec(hanging.hint!)![0]);
      }
      const error = await rejectsWith("unmanaged", adoptDatabase(url));
      assert.match(error.message, /harbor_version says ffffffffffff, which this history does not know/);
      assert.deepEqual(await engine.query(url, "SELECT * FROM harbor_version ORDER BY revision"), before);
      await engine.query(url, "DELETE FROM harbor_version WHERE revision = 'ffffffffffff'");
      await adoptDatabase(url);
      await assertSettled(url);
    }));

  test(`${engine.name}: a table of a known name with another key is another program's`, () =>
    engine.withDatabase(async (url) => {
      const keyed = (ddl: string) =>
        /^CREATE TABLE files /.test(ddl) ? ddl.replace("PRIMARY KEY (id)", "PRIMARY KEY (uuid)") : ddl;
      for (const statement of ddlOf(alembicHead, engine.dialect)) await engine.query(url, keyed(statement));
      const schema = () => withTestDatabase(url, (database) => database.introspect());
      const before = await schema();
      const error = await rejectsWith("unmanaged", adoptDatabase(url));
      assert.match(error.message, /the table files has the key \(uuid\): it is another program's/);
      assert.deepEqual(await schema(), before);
    }));
}
