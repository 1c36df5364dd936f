import assert from "node:assert/strict";
import { test } from "node:test";
import { readRemedy } from "../../src/verify/page/remedy.ts";

// What is to be pasted stands in […].
const cases = [
  "[harbor-db upgrade]",
  "[harbor-db downgrade -1]",
  "[harbor-db stamp 7b1f73160408]",
  "[harbor-db upgrade --adopt]",
  "[harbor-db backup], every night; where another program makes backups: [--skip backup]",
  "Go on with what was interrupted: [harbor-db upgrade], or the same downgrade; to give it up: [harbor-db upgrade --abandon]",
  "The next upgrade or downgrade ends it; to do nothing else: [harbor-db upgrade --abandon]",
  "[harbor-db backup]; and see why the nightly one was not made",
  "Check the path ([--database-url]); [harbor-db upgrade] makes a new database.",
  "Put the clock right ([date -u]). If it is: [harbor-db backup], then remove that one by hand: [rm '/srv/b a.db' /srv/b.db.json]",
  "Give it more time: [--max-duration]; or check less: [--skip], [--quick].",
  "Give the file with the key that it was encrypted to: [--identity key.txt]",
  "Give a folder that this user may write: [--log FILE], or XDG_STATE_HOME in the environment.",
  "See where the files really are, then correct storage_backend or storage_path.",
  "If they are local: [UPDATE files SET storage_backend = 'local' WHERE storage_backend IS NULL]",
  "See which: [SELECT id, storage_backend FROM files WHERE storage_backend NOT IN ('local', 'r2')]",
  "See them: [SELECT email, count(*) FROM users GROUP BY email HAVING count(*) > 1]. The application takes any one of them; give each its own.",
  "Restore the rows of users from a backup ([harbor-db backup list]), or remove those that refer to them.",
  '[REINDEX INDEX CONCURRENTLY "a;b";] [REINDEX INDEX CONCURRENTLY c;]',
  "Take a backup first: [harbor-db backup]. An index is made anew from its rows by [REINDEX INDEX CONCURRENTLY;] for a table: [harbor-db restore <backup>]",
  "The disk or memory of the server is at fault: look at its log for the pages, and take a backup with [harbor-db backup] before anything else.",
  "Let the application or [harbor-db status] open it once, as the user that owns it; then run this again.",
  "Use the harbor-db binary.",
  "Look whether the server is alive and who holds a lock on its tables.",
  '[ALTER TABLE "files" NO FORCE ROW LEVEL SECURITY], or connect as a superuser.',
  "As a superuser: [CREATE EXTENSION amcheck;] [GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO monitor]",
  "As root: [chown -R harbor /srv/openharbor/backups]",
  "[UPDATE files SET metadata_json = NULL WHERE metadata_json = '']",
] as const;

for (const marked of cases) {
  test(`readRemedy() finds what is to be pasted in: ${marked}`, () => {
    const shown = readRemedy(marked.replaceAll(/[[\]]/g, "")).map(({ text, isCommand }) =>
      isCommand ? `[${text}]` : text
    );
    assert.equal(shown.join(""), marked);
  });
}
