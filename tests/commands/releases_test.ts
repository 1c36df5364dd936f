import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { engines, withFolder } from "../support/databases.ts";
import { runHere } from "../support/run_here.ts";
import { ddlOf, historyFiles, type SampleTable } from "../support/samples/schema_history.ts";

const old: SampleTable = { columns: { id: "integer!", title: "text", size: "integer" } };
const now: SampleTable = { columns: { id: "integer!", title: "text" } };

/** A project of SQLite alone, as drizzle-kit lays it out: its second revision takes a column away. */
const files = historyFiles("sqlite", [
  { tables: { notes: old }, up: ddlOf("notes", old), down: ['DROP TABLE "notes"'] },
  {
    tables: { notes: now },
    up: ['ALTER TABLE "notes" DROP COLUMN "size"'],
    down: ['ALTER TABLE "notes" ADD COLUMN "size" integer'],
  },
]);

const releases = JSON.stringify({
  releases: [
    { name: "1.0", tables: { notes: { select: ["id", "title", "size"] } } },
    { name: "1.1", tables: { notes: { select: ["id", "title"] } } },
  ],
});

async function withProject(
  beside: Readonly<Record<string, string>>,
  work: (run: (line: string) => ReturnType<typeof runHere>, url: string) => Promise<void>,
): Promise<void> {
  await withFolder((cwd) =>
    engines[0]!.withDatabase(async (url) => {
      mkdirSync(join(cwd, "drizzle/meta"), { recursive: true });
      for (const [path, text] of [...files, ...Object.entries(beside)]) {
        writeFileSync(join(cwd, "drizzle", path), text);
      }
      const env = { DATABASE_URL: url, HARBOR_DB_DIR: join(cwd, "drizzle") };
      await work((line) => runHere(line.split(" "), { cwd, env }), url);
    })
  );
}

test("upgrade says what it takes away and whom that stops, and so does its dry run", () =>
  withProject({ "releases.json": releases }, async (run, url) => {
    assert.equal((await run("upgrade +1 --no-backup")).code, 0);
    await engines[0]!.query(url, "INSERT INTO notes (id, size) VALUES (1, 5), (2, NULL)");
    assert.match((await run("status")).stdout, /^releases +1\.0, 1\.1 may run$/m);
    const said = /^goes +notes\.size \(1 value\)\nstops +1\.0: notes\.size is missing then\nmay run +1\.1$/m;
    assert.match((await run("upgrade --dry-run")).stdout, said);
    const { code, stdout } = await run("upgrade --no-backup");
    assert.equal(code, 0);
    assert.match(stdout, said);
    assert.match(
      (await run("status")).stdout,
      /^releases +1\.1 may run\n +not 1\.0: notes\.size is missing$/m,
    );
    const { goes, releases } = JSON.parse((await run("downgrade -1 --no-backup --yes --json")).stdout);
    assert.deepEqual(goes, []);
    assert.deepEqual(releases.map((each: { mayRun: boolean }) => each.mayRun), [true, true]);
  }));

test("without a file of releases nothing is claimed of any", () =>
  withProject({}, async (run) => {
    const { stdout } = await run("upgrade --no-backup");
    assert.doesNotMatch(stdout, /may run|stops/);
    assert.doesNotMatch((await run("status")).stdout, /releases|may run/);
    const { releases, releasesProblem } = JSON.parse((await run("status --json")).stdout);
    assert.deepEqual([releases, releasesProblem], [null, null]);
    assert.doesNotMatch((await run("downgrade -1 --dry-run")).stdout, /may run|stops/);
  }));

test("a file of releases that cannot be read is said to be so and stops nothing", () =>
  withProject({ "releases.json": releases.replace("select", "selects") }, async (run) => {
    const said =
      /^releases +not known: Cannot read "releases\.json": releases\.0\.tables\.notes\.selects is no field/m;
    assert.equal((await run("upgrade +1 --no-backup")).code, 0);
    assert.match((await run("status")).stdout, said);
    const { code, stdout } = await run("upgrade --no-backup");
    assert.equal(code, 0);
    assert.match(stdout, said);
    assert.equal(JSON.parse((await run("status --json")).stdout).releasesProblem.code, "bad_config");
  }));

test("check takes the project's own files beside a history for what they are", () =>
  withProject({ "releases.json": releases, "rules.sql": "-- rule a: b\nSELECT 1;\n" }, async (run) => {
    const { findings } = JSON.parse((await run("check --json")).stdout);
    const about = (findings as { check: string; status: string; message: string }[]).filter(({ message }) =>
      /rules\.sql|releases/.test(message)
    );
    assert.deepEqual(about.map(({ check, status }) => `${check} ${status}`), ["releases pass"]);
  }));
