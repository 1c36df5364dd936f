import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { execute, prepare } from "../../../src/engines/sqlite/connection/open_file.ts";
import { sqlitePace } from "../../../src/engines/sqlite/pace.ts";
import { inLineMs } from "../../../src/engines/sqlite/processor.ts";
import { withFolder } from "../../support/databases.ts";

interface Given {
  readonly idleMs: () => Promise<number | undefined>;
  /** Names what runs right after each checkpoint that brings pages in. */
  readonly afterPassive: (work: () => void) => void;
  readonly pass: (ms: number) => void;
  readonly ours: DatabaseSync;
  readonly others: DatabaseSync;
}

/** Runs work with the pace of a file whose batches are held for 30 ms, 25 of them in line for a processor. */
function withPace(
  mode: "wal" | "delete",
  work: (
    given: Given,
  ) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const path = join(folder, "paced.db");
    const ours = new DatabaseSync(path);
    execute(ours, `PRAGMA journal_mode = ${mode}`);
    execute(ours, "CREATE TABLE t (n INTEGER)");
    const others = new DatabaseSync(path);
    let clock = 0;
    let afterPassive = () => {};
    const file = {
      handle: ours,
      rows: <Row>({ text }: { readonly text: string }) => {
        const rows = prepare(ours, text).all() as Row[];
        if (text.includes("PASSIVE")) afterPassive();
        return rows;
      },
    };
    const pace = sqlitePace(
      file,
      () => ({ heldMs: 30, inLineMs: 25, rowsMs: 20, waitedMs: 0 }),
      () => clock,
    );
    try {
      await work({
        idleMs: async () => (await pace.relax()).idleMs,
        afterPassive: (work) => afterPassive = work,
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

/** The application, which begins to read and goes on to write so many pages beside it. */
async function withReader(
  { ours, others }: Pick<Given, "ours" | "others">,
  work: (
    application: {
      readonly write: (pages: number) => void;
      readonly left: () => number;
      readonly end: () => unknown;
    },
  ) => Promise<void>,
): Promise<void> {
  execute(others, "PRAGMA synchronous = OFF");
  execute(others, "PRAGMA wal_autocheckpoint = 0");
  execute(ours, insert);
  execute(ours, "PRAGMA wal_checkpoint(TRUNCATE)");
  const reader = new DatabaseSync(others.location()!);
  const write = (pages: number) => {
    for (let page = 0; page < pages; page++) execute(others, "UPDATE t SET n = n + 1");
  };
  try {
    write(399);
    execute(reader, "BEGIN");
    execute(reader, "SELECT * FROM t LIMIT 1");
    await work({
      write,
      left: () => {
        const row = prepare(others, "PRAGMA wal_checkpoint(NOOP)").get();
        return Number(row?.["log"]) - Number(row?.["checkpointed"]);
      },
      end: () => reader.isTransaction && execute(reader, "COMMIT"),
    });
  } finally {
    reader.close();
  }
}

test("sqlite pace: a page that could not be brought in with the others is brought in as soon as it can be", () =>
  withPace("wal", (given) =>
    withReader(given, async ({ write, left, end }) => {
      await given.idleMs();
      assert.equal(left(), 399, "few are left as they are");
      write(1);
      given.afterPassive(end);
      await given.idleMs();
      assert.equal(left(), 0);
    })));

test("sqlite pace: it does not try for ever, and when the WAL is long tries again for a few pages", () =>
  withPace("wal", (given) =>
    withReader(given, async ({ write, left, end }) => {
      let tries = 0;
      given.afterPassive(() => tries++);
      write(300);
      await given.idleMs();
      assert.deepEqual([tries, left()], [4, 300]);
      write(1);
      end();
      await given.idleMs();
      assert.deepEqual([tries, left()], [5, 0]);
    })));

test("inLineMs() reads what Linux counts, and knows nothing where that is not there", () =>
  withFolder(async (folder) => {
    const path = join(folder, "schedstat");
    assert.equal(inLineMs(path), 0);
    await writeFile(path, "");
    assert.equal(inLineMs(path), 0);
    await writeFile(path, "123291609 2500000 56\n");
    assert.equal(inLineMs(path), 2.5);
  }));
