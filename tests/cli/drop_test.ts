import assert from "node:assert/strict";
import { chmod, chown, cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { withOwner } from "../support/other_user.ts";
import { openProject, type SchemaProject, withSchemaProject } from "../support/samples/schema_project.ts";
import { projectFile } from "../support/project.ts";

async function generate(project: SchemaProject): Promise<string> {
  await project.edit("collection_id: integer()", "rating: integer(),\n  collection_id: integer()");
  const result = await project.run(["generate", "Add rating", "--json"]);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return result.json<{ revision: { revision: string } }>().revision.revision;
}

test("drop takes back what generate wrote, and nothing but the newest that no database has", () =>
  withSchemaProject(async (project) => {
    const before = await project.files();
    const id = await generate(project);
    const after = await project.files();
    const refused = async (code: number, message: RegExp, ...args: readonly string[]) => {
      const result = await project.run(["drop", ...args, "--json"]);
      assert.equal(result.code, code, result.stdout);
      const { error } = result.json<{ error: { message: string; hint: string } }>();
      assert.match(`${error.message} ${error.hint}`, message);
      assert.deepEqual(await project.files(), after);
    };
    await refused(4, new RegExp(`Remove revision ${id} \\(Add rating\\) with 6 files\\?.*--yes`));
    await refused(4, new RegExp(`7b1f73160408": ${id} is newer.*harbor-db drop`), "7b1f", "--yes");
    await refused(2, /no revision has that id/, "0000", "--yes");

    assert.equal((await project.run(["upgrade", "--no-backup"])).code, 0);
    await refused(4, /openharbor\.db" has it.*downgrade -1/, "--yes");
    assert.equal((await project.run(["downgrade", "-1", "--no-backup", "--yes"])).code, 0);

    const path = `drizzle/sqlite/${id}_add_rating.sql`;
    const script = await project.read(path);
    await project.write(path, script.replace("-- Add", "-- By hand\n-- Add"));
    const asked = await project.run(["drop"]);
    assert.match(asked.stderr, new RegExp(`of which sqlite/${id}_add_rating.sql was edited since`));
    const result = await project.run(["drop", id.slice(0, 5), "--yes", "--json"]);
    assert.equal(result.code, 0, result.stdout);
    const { files, revision } = result.json<{ files: string[]; revision: { revision: string } }>();
    assert.deepEqual([files.length, revision.revision], [6, id]);
    assert.deepEqual(await project.files(), before);
    // The same change makes the same revision again, from where it was.
    const again = await project.run(["generate", "Add rating", "--json"]);
    assert.equal(again.json<{ revision: { revision: string } }>().revision.revision, id);

    // As one leaves it that was killed: in one dialect nothing is done yet, in the other the journal.
    await project.write("drizzle/sqlite/meta/_journal.json", before["sqlite/meta/_journal.json"]!);
    await rm(join(project.cwd, `drizzle/sqlite/meta/${id}_snapshot.json`));
    assert.equal((await project.run(["drop", "--yes"])).code, 0);
    assert.deepEqual(await project.files(), before);
  }));

test("drop and rebase know what a database has under the id of before a twin came, and leave the twin its snapshot", () =>
  withFolder(async (cwd) => {
    const sqlite = "tests/support/histories/kit-0.31/sqlite";
    await cp(projectFile(sqlite), join(cwd, "drizzle/sqlite"), { recursive: true });
    const project = openProject(cwd);
    const env = { DATABASE_URL: "sqlite:///a.db" };
    assert.equal((await project.run(["upgrade", "--no-backup", "--dir", "drizzle"], { env })).code, 0);
    const journal = JSON.parse(await project.read("drizzle/sqlite/meta/_journal.json"));
    const [first, second, third] = journal.entries;
    await project.write("drizzle/sqlite/0002_twin.sql", "CREATE TABLE twin (id INTEGER PRIMARY KEY)");
    const entries = [first, second, { ...third, when: third.when - 1, tag: "0002_twin" }, third];
    await project.write("drizzle/sqlite/meta/_journal.json", JSON.stringify({ ...journal, entries }));
    const files = await project.files();
    for (
      const args of [["drop", "--yes"], ["rebase", "0002_step_3"]].map((
        each,
      ) => [...each, "--dir", "drizzle"])
    ) {
      const refused = await project.run(args, { env });
      assert.equal(refused.code, 4, refused.stdout + refused.stderr);
      assert.match(refused.stderr, /"0002_step_3" .*a\.db" has/);
    }
    for (
      const [baseline, message] of [["0002", /beginning of 0002_twin and 0002_step_3/], [
        "0007",
        /does not have it/,
      ]] as const
    ) {
      await project.write("drizzle/BASELINE", baseline);
      const refused = await project.run(["drop", "--yes", "--dir", "drizzle"]);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, message);
    }
    await rm(join(cwd, "drizzle/BASELINE"));
    assert.deepEqual(await project.files(), files);
    assert.equal((await project.run(["drop", "--yes", "--dir", "drizzle"])).code, 0);
    assert.deepEqual(
      Object.keys(await project.files()),
      Object.keys(files).filter((path) => path !== "sqlite/0002_step_3.sql"),
    );
  }));

test("drop leaves all as it was when it cannot remove everything", () =>
  withOwner(async ({ folder, as }) => {
    await cp(projectFile("drizzle"), join(folder, "drizzle"), { recursive: true });
    await rm(join(folder, "drizzle/BASELINE"));
    const project = openProject(folder);
    for (const each of ["", ...await readdir(join(folder, "drizzle"), { recursive: true })]) {
      await chown(join(folder, "drizzle", each), as.uid, as.gid);
    }
    const before = await project.files();
    await chmod(join(folder, "drizzle/sqlite"), 0o555);
    const args = ["drop", "--yes", "--dir", "drizzle"];
    const result = await project.run(args, { as });
    assert.equal(result.code, 1, result.stdout + result.stderr);
    assert.match(result.stderr, /Cannot write in ".*drizzle"/);
    assert.deepEqual(await project.files(), before);
    await chmod(join(folder, "drizzle/sqlite"), 0o755);
    assert.equal((await project.run(args, { as })).code, 0);
  }));
