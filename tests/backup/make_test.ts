import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { type BackupRequest, type MadeBackup, makeBackup } from "../../src/backup/make.ts";
import { type BackupOptions, openStore } from "../../src/backup/store/store.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { BackupContent, BackupEngine } from "../../src/engines/backup/engine.ts";
import type { Database } from "../../src/engines/database.ts";
import { createVersionTables, insertApplied } from "../../src/engines/version_table.ts";
import type { Applied } from "../../src/history/applied.ts";
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

/** Runs `work` with what makes a backup of an empty database by a copy and a proof of the test's own. */
function withMaker(
  work: (given: {
    readonly folder: string;
    readonly database: Database;
    /** What is asked for beside that, and how large the database is. */
    readonly asked: { bytes: number; request: Partial<BackupRequest> };
    make(content: BackupContent, proven: BackupContent, recipients?: readonly string[]): Promise<MadeBackup>;
  }) => Promise<void>,
): Promise<void> {
  return sqlite!.withDatabase((url) =>
    withFolder((parent) =>
      withTestDatabase(url, async (database) => {
        const folder = join(parent, "kept");
        const context = contextOf(database);
        const asked = { bytes: 0, request: {} };
        const make = (content: BackupContent, proven: BackupContent, recipients: readonly string[] = []) => {
          const engine: BackupEngine = {
            name: "sqlite",
            keepsTrials: "beside the copy",
            suffix: ".db",
            estimate: () => Promise.resolve(asked.bytes),
            uncarried: () => Promise.resolve([]),
            dump: (to) => writeFile(to, "copy").then(() => content),
            prove: () => Promise.resolve({ content: proven, proof: "opened", notRestored: null }),
            trialObstacle: () => Promise.resolve(null),
            restore: () => Promise.reject(new Error("nobody asked for it")),
          };
          const options: BackupOptions = {
            ...context,
            folder,
            database: url,
            name: "harbor",
            engine: null,
            encoding: { compression: null, recipients },
            identityFile: null,
            client: testClient,
            environment: {},
          };
          const store = {
            ...openStore(parseDatabaseUrl(url), options),
            copier: () => Promise.resolve(engine),
          };
          return makeBackup(context, store, { reason: "backup", mayReuse: true, ...asked.request });
        };
        await work({ folder, database, asked, make });
      })
    )
  );
}

for (const [what, proven, isKept] of proofs) {
  test(`makeBackup() ${isKept ? "keeps" : "leaves nothing of"} a copy that proves to hold ${what}`, () =>
    withMaker(async ({ folder, make }) => {
      const making = make(copied, { ...copied, ...proven });
      if (isKept) await making;
      else await rejectsWith("backup_failed", making);
      assert.equal(readdirSync(folder).length, isKept ? 2 : 0);
    }));
}

test("makeBackup() tries nothing where the copy alone has room, if it may go untried, and else makes none", () =>
  withMaker(async ({ folder, asked, make }) => {
    const { bavail, bsize } = await statfs(dirname(folder));
    // Others write to the device meanwhile.
    asked.bytes = bavail * bsize * 0.6;
    const onTrial = () => assert.fail("it was tried");
    asked.request = { onTrial };
    await rejectsWith("disk_full", make(copied, copied));
    asked.request = { onTrial, mayGoUntried: true };
    await make(copied, copied);
    asked.bytes = bavail * bsize * 2;
    await rejectsWith("disk_full", make(copied, copied));
  }));

const halfDone: Applied = {
  revision: "71dda59686db",
  name: "Initial schema",
  checksum: "e".repeat(64),
  direction: "upgrade",
  statementsDone: 1,
  startedAt: "2026-08-01T12:00:00.000Z",
  finishedAt: null,
  ms: null,
  appliedBy: "0.0.0",
  origin: "run",
};

// One row a change since the last backup: what the database holds now, and whether the last one does for it.
const changes: readonly (readonly [what: string, now: Partial<BackupContent>, isReused: boolean])[] = [
  ["nothing has changed", {}, true],
  ["rows have changed", { tables: [{ name: "boats", rows: 2, digest: other }] }, false],
  ["definitions have changed", { schema: other }, false],
  ["sequences have moved", { state: other }, false],
];
for (const [what, now, isReused] of changes) {
  test(`makeBackup() ${isReused ? "takes the last one" : "makes another one"} where ${what}`, () =>
    withMaker(async ({ make }) => {
      await make(copied, copied);
      const content = { ...copied, ...now };
      assert.equal((await make(content, content)).isReused, isReused);
    }));
}

test("makeBackup() makes another one where the last is of a whole revision, in the clear, or damaged", () =>
  withMaker(async ({ database, make }) => {
    await make(copied, copied);
    await database.write([...createVersionTables(), ...insertApplied([halfDone])]);
    const half = await make(copied, copied);
    assert.equal(half.isReused, false);
    assert.deepEqual([half.manifest.revision, half.manifest.unfinished], [null, halfDone.revision]);
    assert.equal((await make(copied, copied)).isReused, true);
    const recipient = await identityToRecipient(await generateIdentity());
    assert.equal((await make(copied, copied, [recipient])).isReused, false);
    const clear = await make(copied, copied);
    assert.equal(clear.isReused, false);
    await writeFile(clear.path, "cope");
    assert.equal((await make(copied, copied)).isReused, false);
  }));
