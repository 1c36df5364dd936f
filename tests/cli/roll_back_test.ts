import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli } from "../support/run_cli.ts";

const known = "5b09ebe23c76";
const ahead = ["f27bd10b7ec4", "7b1f73160408"];

/** Makes of the project's history that of the release before: without its last two revisions. */
function cutHistory(dir: string): void {
  cpSync(projectFile("drizzle"), dir, { recursive: true });
  const path = join(dir, "sqlite/meta/_journal.json");
  const journal = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, 2) }));
}

test("the release before says what it lacks, refuses to upgrade, and goes back with a backup out of the database", () =>
  withFolder(async (cwd) => {
    const file = join(cwd, "app.db");
    const dir = join(cwd, "older");
    cutHistory(dir);
    const env = { DATABASE_URL: `sqlite:///${file}` };
    const harbor = (...args: readonly string[]) => runCli(args, { cwd, env });
    const older = (...args: readonly string[]) => harbor(...args, "--dir", dir);
    assert.equal((await harbor("upgrade")).code, 0);

    const [status, words, current, refused, verified] = await Promise.all([
      older("status", "--exit-code", "--json"),
      older("status"),
      older("current"),
      older("upgrade"),
      older("verify", "--skip", "backup"),
    ]);
    assert.equal(status.code, 3);
    const document = JSON.parse(status.stdout);
    assert.deepEqual(
      document.ahead.map(({ revision, wayBack }: Record<string, string>) => [revision, wayBack]),
      [
        [ahead[0], "ledger"],
        [ahead[1], "ledger"],
      ],
    );
    assert.equal(document.known, known);
    assert.match(
      words.stdout,
      /ahead +2 revisions of a newer release or another branch\n.*f27bd10b7ec4.*the way back is in the database/,
    );
    assert.match(current.stdout + current.stderr, /7b1f73160408[^]*this history does not have it/);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /7b1f73160408[^]*harbor-db downgrade .*5b09ebe23c76/);
    assert.equal(verified.code, 3);
    const rehearsed = await older("downgrade", known, "--yes", "--rehearse");
    assert.equal(rehearsed.code, 0, rehearsed.stderr);
    assert.match(
      rehearsed.stdout,
      /way back +not tried: this history does not have 7b1f73160408, f27bd10b7ec4: no script leads back/,
    );
    assert.match(
      verified.stdout,
      /FAIL +history +the database has f27bd10b7ec4[^]*pass +schema +3 tables exactly as revision 7b1f73160408/,
    );

    const unasked = await older("downgrade", "head");
    assert.equal(unasked.code, 4);
    assert.match(unasked.stderr, /scripts +of 7b1f73160408, f27bd10b7ec4 out of the database itself/);
    const dry = await older("downgrade", "head", "--dry-run");
    assert.match(dry.stdout, /comes from the database itself \(harbor_ledger\):\n[^]*DROP/);

    const done = await older("downgrade", "head", "--yes", "--json");
    assert.equal(done.code, 0, done.stderr);
    const { to, steps, backup } = JSON.parse(done.stdout);
    assert.deepEqual([to, steps.map(({ source }: Record<string, string>) => source)], [known, [
      "ledger",
      "ledger",
    ]]);
    assert.match(
      done.stderr,
      /the downgrade script of 7b1f73160408 comes from the database itself: this history does not have it, and harbor-db \S+ put it there/,
    );
    assert.ok(backup.verified);

    // The copy of before brings back what was there, and the way back with it.
    assert.equal((await harbor("restore", backup.path, "--yes")).code, 0);
    const database = new DatabaseSync(file);
    database.exec("UPDATE harbor_ledger SET downgrade = 'DROP TABLE users' WHERE revision = '7b1f73160408'");
    database.close();
    const damaged = await older("downgrade", "head", "--yes");
    assert.equal(damaged.code, 4);
    assert.match(
      damaged.stderr,
      /Cannot trust the way back past "7b1f73160408".*harbor_ledger.*changed since it was written/,
    );
  }));
