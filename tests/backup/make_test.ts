import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeBackup } from "../../src/backup/make.ts";
import { type BackupOptions, openStore } from "../../src/backup/store.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { BackupContent, BackupEngine } from "../../src/engines/backup_engine.ts";
import { engines, testClient, withFolder, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { contextOf } from "../support/samples/adoption.ts";

// What comes out of a copy against what went in, on an engine that copies as each row says.

const copied: BackupContent = {
  serverVersion: "3.54.1",
  tables: [{ name: "boats", rows: 2, digest: "a".repeat(64) }],
  schema: "b".repeat(64),
  state: "c".repeat(64),
};
const other = "d".repeat(64);

const proofs: readonly (readonly [what: string, proven: Partial<BackupContent>, isKept: boolean])[] = [
  ["all that was copied", {}, true],
  ["other rows", { tables: [{ name: "boats", rows: 2, digest: other }] }, false],
  ["fewer rows", { tables: [{ name: "boats", rows: 1, digest: "a".repeat(64) }] }, false],
  ["one table less", { tables: [] }, false],
  ["other definitions", { schema: other }, false],
  ["sequences elsewhere", { state: other }, false],
];

const [sqlite] = engines;
for (const [what, proven, isKept] of proofs) {
  test(`makeBackup() ${isKept ? "keeps" : "leaves nothing of"} a copy that proves to hold ${what}`, () =>
    sqlite!.withDatabase((url) =>
      withFolder((folder) =>
        withTestDatabase(url, async (database) => {
          const engine: BackupEngine = {
            name: "sqlite",
            suffix: ".db",
            estimate: () => Promise.resolve(0),
            uncarried: () => Promise.resolve([]),
            dump: (to) => writeFile(to, "copy").then(() => copied),
            prove: () => Promise.resolve({ content: { ...copied, ...proven }, proof: "opened" }),
            restore: () => Promise.reject(new Error("nobody asked for it")),
          };
          const context = contextOf(database);
          const options: BackupOptions = {
            ...context,
            folder: join(folder, "kept"),
            database: url,
            name: "harbor",
            engine: null,
            encoding: { compression: null, recipients: [] },
            identityFile: null,
            client: testClient,
            environment: {},
          };
          const store = {
            ...openStore(parseDatabaseUrl(url), options),
            copier: () => Promise.resolve(engine),
          };
          const making = makeBackup(context, store, { reason: "backup", mayReuse: false });
          if (isKept) await making;
          else await rejectsWith("backup_failed", making);
          assert.equal(readdirSync(options.folder).length, isKept ? 2 : 0);
        })
      )
    ));
}
