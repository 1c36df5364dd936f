import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { execute, prepare } from "../../../src/engines/sqlite/connection/open_file.ts";
import { sqlitePace } from "../../../src/engines/sqlite/pace.ts";
import { inLineMs } from "../../../src/engines/sqlite/processor.ts";
import { withFolder } from "../../support/databases.ts";

/** Runs work with the pace of a file whose batches are held for 30 ms, 25 of them in line for a processor. */
function withPace(
  mode: "wal" | "delete",
  work: (
    given: {
      readonly idleMs: () => Promise<number | undefined>;
      readonly pass: (ms: number) => void;
      readonly ours: DatabaseSync;
      readonly others: DatabaseSync;
    },
  ) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const path = join(folder, "paced.db");
    const ours = new DatabaseSync(path);
    execute(ours, `PRAGMA journal_mode = ${mode}`);
    execute(ours, "CREATE TABLE t (n INTEGER)");
    const others = new DatabaseSync(path);
    let clock = 0;
    const file = {
      handle: ours,
      rows: <Row>({ text }: { readonly text: string }) => prepare(ours, text).all() as Row[],
    };
    const pace = sqlitePace(
      file,
      () => ({ heldMs: 30, inLineMs: 25, rowsMs: 20, waitedMs: 0 }),
      () => clock,
    );
    try {
      await work({
        idleMs: async () => (await pace.relax()).idleMs,
        pass: (ms) => clock += ms,
        ours,
        others,
      });
    } finally {
      ours.close();
      others.close();
    }
  });
}

const insert = "INSERT INTO t VALUES (1)";

test("sqlite pace: what a batch stood in line for a processor counts for nothing while no other writes", () =>
  withPace("wal", async ({ idleMs, pass, ours }) => {
    pass(1_000);
    assert.equal(await idleMs(), 0, "for a second it does not know");
    for (let batch = 0; batch < 3; batch++) {
      execute(ours, insert);
      pass(1);
      assert.equal(await idleMs(), 25);
    }
  }));

test("sqlite pace: what a batch stood in line counts as ever for a second after another has written", () =>
  withPace("wal", async ({ idleMs, pass, others }) => {
    pass(1_001);
    assert.equal(await idleMs(), 25);
    execute(others, insert);
    assert.equal(await idleMs(), 0);
    pass(1_000);
    assert.equal(await idleMs(), 0);
    execute(others, insert);
    assert.equal(await idleMs(), 0);
    pass(1_001);
    assert.equal(await idleMs(), 25);
  }));

test("sqlite pace: without a WAL, where readers wait unseen, what a batch stood in line counts", () =>
  withPace("delete", async ({ idleMs, pass }) => {
    pass(60_000);
    assert.equal(await idleMs(), 0);
  }));

test("inLineMs() reads what Linux counts, and knows nothing where that is not there", () =>
  withFolder(async (folder) => {
    const path = join(folder, "schedstat");
    assert.equal(inLineMs(path), 0);
    await writeFile(path, "");
    assert.equal(inLineMs(path), 0);
    await writeFile(path, "123291609 2500000 56\n");
    assert.equal(inLineMs(path), 2.5);
  }));
