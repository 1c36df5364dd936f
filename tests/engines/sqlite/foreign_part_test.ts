import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { proveCopy } from "../../../src/engines/sqlite/backup/copy.ts";
import { sqliteInspector } from "../../../src/engines/sqlite/inspector.ts";
import { sqliteUrl, withFolder, withTestDatabase } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";

// What an application brings, and SQLite by itself does not have: the statements that make it, what stands in the text for
// it, and what is said.
const parts = [
  [
    "a collation",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, t TEXT COLLATE RTRIM); CREATE INDEX n ON notes (t)",
    "RTRIM",
    /the table notes uses the collation germa, which its application brings and SQLite does not have/,
  ],
  [
    "a function",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, t TEXT); CREATE INDEX n ON notes (upper(t))",
    "upper",
    /the table notes uses the function germa, which its application brings and SQLite does not have/,
  ],
] as const;
for (const [what, ddl, word, words] of parts) {
  test(`${what} of the application's own is named with its table, by a proof and by adopt`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "app.db");
      await writeFile(path, "");
      const database = new DatabaseSync(path);
      database.exec(`${ddl}; INSERT INTO notes (t) VALUES ('a'), ('b'); CREATE TABLE plain (id INTEGER);`);
      database.close();
      // SQLite lets nobody write such a text; here it stands in the file.
      const bytes = await readFile(path, "latin1");
      await writeFile(path, bytes.replaceAll(word, "germa"), "latin1");
      const proof = await rejectsWith(
        "statement_failed",
        proveCopy(path, { signal: new AbortController().signal }),
      );
      assert.match(proof.message, words);
      assert.match(proof.hint ?? "", /^Nothing is damaged by that/);
      await withTestDatabase(sqliteUrl(path), async (open) => {
        assert.match((await rejectsWith("statement_failed", sqliteInspector.damage(open))).message, words);
      });
    }));
}
