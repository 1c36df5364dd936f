import assert from "node:assert/strict";
import { closeSync, existsSync, fstatSync, openSync, readdirSync, statSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sqliteFileUrl } from "../../../src/base/url/sqlite_url.ts";
import { dumpHere } from "../../../src/engines/sqlite/backup/dump.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/backup/engine.ts";
import { failureOf, rejectsWith } from "../../support/harbor_error.ts";
import { withFolder } from "../../support/databases.ts";

// A file that is copied and proven in threads, since it has more than 16 MiB.
const rows = 5_000;

function withLarge<T>(work: (path: string, folder: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const path = join(folder, "large.db");
    const database = new DatabaseSync(path);
    database.exec(
      `PRAGMA synchronous = OFF; BEGIN; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, body TEXT);
      WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
        INSERT INTO t SELECT i, 'row ' || i, hex(zeroblob(2000)) FROM n;
      CREATE INDEX t_name ON t (name); COMMIT`,
    );
    database.close();
    return await work(path, folder);
  });
}

const never = () => new AbortController().signal;

test("a large file is copied and proven in one go, as one after the other would", () =>
  withLarge(async (path, folder) => {
    const engine = openSqliteEngine(sqliteFileUrl(path, path));
    const said: string[] = [];
    const onProgress = { dump: () => void said.push("dump"), prove: () => void said.push("prove") };
    let tried: readonly string[] = [];
    const { copied, content, proof } = await engine.dumpAndProve!(join(folder, "one"), never(), {
      onProgress,
      onRestored: (trial, copied) => {
        said.push("try");
        assert.deepEqual(trial.content.tables, copied.tables);
        tried = readdirSync(folder).toSorted();
        return Promise.resolve();
      },
    });
    const { copyMs: _, ...dumped } = await engine.dump(join(folder, "two"), never());
    const { copyMs: took, ...read } = copied;
    assert.ok(took! > 0);
    assert.deepEqual(read, dumped);
    assert.deepEqual(content, (await engine.prove(join(folder, "two"), never())).content);
    assert.equal(content.tables[0]!.rows, rows);
    assert.deepEqual(content.tables, dumped.tables);
    assert.equal(proof, "opened");
    assert.deepEqual(
      said.toSorted(),
      said,
      "the proof is told of when the copy is complete, and something tried when both are done",
    );
    assert.ok(said.includes("prove"));
    assert.deepEqual(tried, ["large.db", "one", "one-trial"]);
    assert.ok(!existsSync(join(folder, "one-trial")));
  }));

test("a large copy whose index has lost a row is not proven", () =>
  withLarge(async (path) => {
    const bytes = await readFile(path);
    // In the table a body follows, in the index the next entry.
    const places = [...bytes.toString("latin1").matchAll(/row 4321(?!00)/g)];
    assert.equal(places.length, 1);
    bytes.write("row 4322", places[0]!.index, "latin1");
    await writeFile(path, bytes);
    const engine = openSqliteEngine(sqliteFileUrl(path, path));
    const copy = `${path}.copy`;
    await copyFile(path, copy);
    const both = await rejectsWith("backup_failed", engine.dumpAndProve!(`${path}.new`, never()));
    assert.match(both.message, /row 4321 missing from index t_name/);
    // A change does not wait for that part, and what is said of the copy says so.
    const { proof, notCompared, copied, content } = await engine.dumpAndProve!(`${path}.quick`, never(), {
      isQuick: true,
    });
    assert.deepEqual([proof, notCompared], ["opened", "index entries"]);
    assert.deepEqual(content.tables, copied.tables);
    const alone = await rejectsWith("backup_failed", engine.prove(copy, never()));
    assert.match(alone.message, /row 4321 missing from index t_name/);

    // That copy is the way back all the same: its rows are whole, and say what belongs into the index.
    const { wrongIndexes = [], content: held } = await engine.prove(copy, never(), {
      mayHaveWrongIndexes: true,
    });
    assert.deepEqual(wrongIndexes, ["t_name"]);
    assert.deepEqual(held.tables, content.tables);
    const remarks: string[] = [];
    const onRemark = (text: string) => void remarks.push(text);
    await engine.restore(copy, never(), { database: null, wrongIndexes, onRemark });
    assert.match(remarks.join(), /t_name; .* rebuilt/);
    assert.deepEqual((await engine.prove(path, never())).content.tables, content.tables);
    // A row that the index would have refused is nothing to rebuild it of: nothing is replaced.
    const other = `${path}.other`;
    const handle = new DatabaseSync(other);
    handle.exec("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 1), (1, 2); CREATE UNIQUE INDEX u ON t (b)");
    handle.enableDefensive?.(false);
    handle.exec(
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX u ON t (a)' WHERE name = 'u'",
    );
    handle.close();
    const found = await engine.prove(other, never(), { mayHaveWrongIndexes: true });
    assert.deepEqual(found.wrongIndexes, ["u"]);
    const failed = await rejectsWith(
      "backup_failed",
      engine.restore(other, never(), { database: null, wrongIndexes: ["u"] }),
    );
    assert.match(failed.message, /UNIQUE constraint failed/);
    assert.equal((await engine.prove(path, never())).content.tables[0]!.rows, rows);
  }));

test("a copy of a large file ends when it is told to", () =>
  withLarge(async (path) => {
    const engine = openSqliteEngine(sqliteFileUrl(path, path));
    const stop = new AbortController();
    const onProgress = { dump: () => stop.abort(), prove: () => stop.abort() };
    const error = await failureOf(engine.dumpAndProve!(`${path}.new`, stop.signal, { onProgress }));
    assert.equal(error.code, "interrupted");
  }));

test("a copy is put on the disk less often while it keeps writers out", () =>
  withLarge(async (path, folder) => {
    const flushes = async (name: string) => {
      let count = 0;
      const onProgress = (share: number) => void (share < 0.5 && count++);
      await dumpHere({ verb: "dump", path, url: path, to: join(folder, name) }, {
        signal: never(),
        onProgress,
      });
      return count;
    };
    const locked = await flushes("locked");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL");
    const free = await flushes("free");
    database.close();
    const mib = statSync(path).size / 2 ** 20;
    assert.deepEqual([locked, free], [Math.ceil(mib / 4) - 1, Math.ceil(mib) - 1]);
  }));

test("what was tried on stays whole for work that Ctrl-C leaves behind, which has it mapped", () =>
  withLarge(async (path) => {
    const engine = openSqliteEngine(sqliteFileUrl(path, path));
    const stop = new AbortController();
    const trial = `${path}-trial`;
    let held = -1;
    const onRestored = () => {
      held = openSync(trial, "r");
      stop.abort();
      return Promise.reject(new Error("stopped"));
    };
    await assert.rejects(engine.prove(path, stop.signal, { onRestored }), { message: "stopped" });
    assert.equal(existsSync(trial), false);
    assert.equal(fstatSync(held).size, statSync(path).size);
    closeSync(held);
  }));

test("what is committed while a file is copied is left to nobody else to bring into it", () =>
  withLarge(async (path, folder) => {
    const application = new DatabaseSync(path);
    try {
      application.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
      const left = () => {
        const { log, checkpointed } = application.prepare("PRAGMA wal_checkpoint(NOOP)").get()!;
        return Number(log) - Number(checkpointed);
      };
      application.exec("UPDATE t SET name = name || '' WHERE id < 1000");
      assert.ok(left() > 0);
      const engine = openSqliteEngine(sqliteFileUrl(path, path));
      let during = 0;
      const copied = await engine.dump(join(folder, "copy"), never(), () => {
        if (during++ === 0) application.exec("UPDATE t SET name = name || '' WHERE id < 1000");
      });
      assert.ok(during > 0);
      assert.equal(copied.tables[0]!.rows, rows);
      assert.equal(left(), 0);
    } finally {
      application.close();
    }
  }));
