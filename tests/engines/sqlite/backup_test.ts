import type { HarborError } from "../../../src/base/errors.ts";
import type { Database } from "../../../src/engines/database.ts";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import type { BackupEngine } from "../../../src/engines/backup/engine.ts";
import { refuseUnlessAll } from "../../../src/engines/sqlite/backup/content.ts";
import { openBackupEngine } from "../../../src/engines/open/backup_engine.ts";
import {
  type Engine,
  engines,
  openTestDatabase,
  sqlitePath,
  sqliteUrl,
  testClient,
  withFolder,
} from "../../support/databases.ts";
import { failureOf, rejectsWith } from "../../support/harbor_error.ts";
import { withSmallDisk } from "../../support/servers/small_disk.ts";
import { startSqld } from "../../support/servers/sqld_server.ts";

const never = new AbortController().signal;
const [sqliteFile, libsql] = engines as readonly [Engine, Engine, ...Engine[]];

function openEngine(url: string): Promise<BackupEngine> {
  return openBackupEngine({ url: parseDatabaseUrl(url), client: testClient, environment: {} });
}

async function restoreInto(
  url: string,
  path: string,
  through = (database: Database) => database,
): Promise<void> {
  const database = await openTestDatabase(url);
  try {
    const engine = await openEngine(url);
    await database.withLock(() => engine.restore(path, never, { database: through(database) }));
  } finally {
    await database.close();
  }
}

/** Tables of every kind, and values that get lost on the way if anything does. */
const oddities = [
  "CREATE TABLE odd (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT, r REAL, b BLOB, anything, twice GENERATED ALWAYS AS (id * 2))",
  "INSERT INTO odd VALUES (1, 'a' || char(0) || 'b', 1.5, x'0001ff', 2.0)",
  `INSERT INTO odd VALUES (3, '"quoted" \\ ''single'' ' || char(10) || char(1) || ' Küste 🌊', 0.1, x'', 9007199254740993)`,
  "INSERT INTO odd VALUES (7, NULL, -1e300, NULL, '2.0'), (9, '', 3, x'00', -9223372036854775808)",
  "CREATE TABLE without_row (a TEXT, b INTEGER, c, PRIMARY KEY (b, a)) WITHOUT ROWID",
  "INSERT INTO without_row VALUES ('b', 1, 'x'), ('a', 1, 1.5), ('a', 0, x'01')",
  'CREATE TABLE "odd name ""x""" (rowid TEXT, "select" INT)',
  `INSERT INTO "odd name ""x""" VALUES ('r', 1), (NULL, 2)`,
  "CREATE TABLE empty_table (a)",
  "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
  "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id) ON DELETE CASCADE)",
  "INSERT INTO child VALUES (1, 77)",
  "CREATE UNIQUE INDEX odd_t ON odd (t) WHERE t <> ''",
  "CREATE INDEX odd_lower ON odd (lower(t))",
  "CREATE VIEW odd_view AS SELECT id, t FROM odd WHERE id > 1",
  "CREATE TRIGGER odd_trigger AFTER INSERT ON odd BEGIN UPDATE odd SET t = 'by trigger' WHERE id = new.id; DELETE FROM empty_table; END",
  "DELETE FROM odd WHERE id = 9",
];

async function makeOddities(engine: Engine, url: string): Promise<void> {
  // Constraints are on on a server: the row that refers to nothing goes in as a restore brings it.
  for (const statement of oddities) {
    if (engine === libsql && statement.startsWith("INSERT INTO child")) continue;
    await engine.query(url, statement);
  }
}

for (const from of [sqliteFile, libsql]) {
  for (const to of [sqliteFile, libsql]) {
    test(`a copy of ${from.name} brings everything to ${to.name}, to the bit`, () =>
      from.withDatabase((source) =>
        to.withDatabase((target) =>
          withFolder(async (folder) => {
            await makeOddities(from, source);
            const first = join(folder, "first");
            const content = await (await openEngine(source)).dump(first, never);
            assert.equal(statSync(first).mode & 0o777, 0o600);
            assert.equal(content.tables.find(({ name }) => name === "odd")?.rows, 3);
            await to.query(target, "CREATE TABLE in_the_way (a)");
            await to.query(target, "CREATE VIEW also_in_the_way AS SELECT * FROM in_the_way");
            await restoreInto(target, first);
            const second = join(folder, "second");
            const back = await (await openEngine(target)).dump(second, never);
            assert.deepEqual([back.tables, back.schema], [content.tables, content.schema]);
            assert.deepEqual(readdirSync(folder).toSorted(), ["first", "second"]);
            const [row] = await to.query(
              target,
              "SELECT hex(t) AS t, typeof(anything) AS k, hex(b) AS b FROM odd WHERE id = 1",
            );
            assert.deepEqual({ ...row }, { t: "610062", k: "real", b: "0001FF" });
            await to.query(target, "INSERT INTO odd (t) VALUES ('new')");
            const [next] = await to.query(target, "SELECT max(id) AS id FROM odd WHERE t = 'by trigger'");
            assert.equal(Number(next!["id"]), 10, "AUTOINCREMENT gives no number again");
          })
        )
      ));
  }
}

// One row a change: what is done to a database, which of its tables is another afterwards.
const changes: readonly (readonly [string, string])[] = [
  ["UPDATE odd SET anything = 2 WHERE id = 1", "odd"],
  ["UPDATE odd SET r = 0.10000000000000002 WHERE id = 3", "odd"],
  ["UPDATE odd SET anything = 2.0 WHERE id = 7", "odd"],
  ["UPDATE odd SET b = NULL WHERE id = 3", "odd"],
  ["UPDATE odd SET t = '' WHERE id = 7", "odd"],
  ["UPDATE odd SET t = 'a' WHERE id = 1", "odd"],
  ["DELETE FROM without_row WHERE b = 0", "without_row"],
  ["INSERT INTO empty_table VALUES (NULL)", "empty_table"],
];
for (const [change, table] of changes) {
  test(`a digest sees ${change}`, () =>
    sqliteFile.withDatabase((url) =>
      withFolder(async (folder) => {
        await makeOddities(sqliteFile, url);
        const engine = await openEngine(url);
        const before = await engine.dump(join(folder, "before"), never);
        await sqliteFile.query(url, change);
        const after = await engine.dump(join(folder, "after"), never);
        const differing = before.tables.filter(({ digest }, index) => digest !== after.tables[index]?.digest);
        assert.deepEqual(differing.map(({ name }) => name), [table]);
        assert.equal(before.schema, after.schema);
      })
    ));
}

test("a digest of definitions sees an index that is gone", () =>
  sqliteFile.withDatabase((url) =>
    withFolder(async (folder) => {
      await makeOddities(sqliteFile, url);
      const engine = await openEngine(url);
      const before = await engine.dump(join(folder, "before"), never);
      await sqliteFile.query(url, "DROP INDEX odd_lower");
      const after = await engine.dump(join(folder, "after"), never);
      assert.deepEqual(before.tables, after.tables);
      assert.notEqual(before.schema, after.schema);
    })
  ));

test("sqlite file: a restore without room says where it lacks", () =>
  withSmallDisk(3_000, (small) =>
    withFolder(async (folder) => {
      const url = sqliteUrl(join(small, "a.db"));
      writeFileSync(join(small, "a.db"), "");
      await sqliteFile.query(url, "CREATE TABLE t AS SELECT randomblob(1800000) AS x");
      const copy = join(folder, "copy");
      await (await openEngine(url)).dump(copy, never);
      const { hint } = await rejectsWith("disk_full", restoreInto(url, copy));
      assert.ok(hint!.includes(`"${small}"`), hint!);
      assert.equal((await sqliteFile.query(url, "SELECT count(*) AS n FROM t"))[0]!["n"], 1);
    })));

for (const engine of [sqliteFile, libsql]) {
  test(`${engine.name}: a request to stop ends a copy and its proof, and nothing is left`, () =>
    engine.withDatabase((url) =>
      withFolder(async (folder) => {
        await engine.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
        await engine.query(
          url,
          "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000) SELECT i, hex(randomblob(200)) FROM n",
        );
        const stop = new AbortController();
        const dump = (await openEngine(url)).dump(join(folder, "copy"), stop.signal, () => stop.abort());
        const error = await dump.then(() => undefined, (reason) => reason as Error & { code: string });
        assert.equal(error?.code, "interrupted");
        assert.deepEqual(readdirSync(folder), []);

        const copies = await openEngine(url);
        const copy = join(folder, "copy");
        const { tables } = await copies.dump(copy, never);
        assert.deepEqual((await copies.prove(copy, never)).content.tables, tables);
        const shares: number[] = [];
        const soon = new AbortController();
        const onProgress = (share: number) => {
          shares.push(share);
          soon.abort();
        };
        const stopped = await failureOf(copies.prove(copy, soon.signal, { onProgress }));
        // What was left of it was not waited for.
        assert.equal(stopped.code, "interrupted");
        assert.ok(shares.at(-1)! < 1, String(shares));
        truncateSync(copy, statSync(copy).size - 4096);
        const { hint } = await rejectsWith("backup_failed", copies.prove(copy, never));
        assert.match(hint!, /: harbor-db verify --only integrity$/);
      })
    ));

  test(`${engine.name}: leaves a file alone that is there already`, () =>
    engine.withDatabase((url) =>
      withFolder(async (folder) => {
        const path = join(folder, "there");
        writeFileSync(path, "precious");
        await assert.rejects((await openEngine(url)).dump(path, never), /EEXIST|something is there already/);
        assert.equal(readFileSync(path, "utf8"), "precious");
      })
    ));

  test(`${engine.name}: proves nothing that is damaged`, () =>
    engine.withDatabase((url) =>
      withFolder(async (folder) => {
        await makeOddities(engine, url);
        const backups = await openEngine(url);
        const path = join(folder, "copy");
        const content = await backups.dump(path, never);
        const proven = await backups.prove(path, never);
        assert.deepEqual([proven.content.tables, proven.content.schema], [content.tables, content.schema]);
        const pristine = readFileSync(path);
        // Bytes that nothing uses may change without harm: what is proven must then be the same.
        for (let at = 100; at < pristine.length; at += Math.floor(pristine.length / 60)) {
          const bytes = Uint8Array.from(pristine);
          bytes[at] = bytes[at]! ^ 0x21;
          writeFileSync(path, bytes);
          const found = await backups.prove(path, never).catch((error) => error as { code: string });
          if ("content" in found) assert.deepEqual(found.content.tables, content.tables, `byte ${at}`);
          else assert.equal(found.code, "backup_failed", `byte ${at}: ${String(found)}`);
        }
        writeFileSync(path, pristine.subarray(0, pristine.length - 4096));
        await rejectsWith("backup_failed", backups.prove(path, never));
      })
    ));
}

test("sqlite file: a table that cannot be read to its end makes no copy that is called proven", () =>
  sqliteFile.withDatabase((url) =>
    withFolder(async (folder) => {
      await sqliteFile.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
      await sqliteFile.query(
        url,
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, hex(randomblob(50)) FROM n",
      );
      const path = sqlitePath(url);
      const bytes = readFileSync(path);
      bytes.fill(0xff, 40 * 4096, 41 * 4096);
      writeFileSync(path, bytes);
      const engine = await openEngine(url);
      const copy = join(folder, "copy");
      const outcome = await engine.dump(copy, never).then(() => engine.prove(copy, never)).then(
        () => "proven",
        (error: HarborError) => `${error.code} ${error.hint}`,
      );
      assert.match(
        outcome,
        /^(backup_failed|not_a_database) .*: harbor-db (backup list|verify --only integrity)/,
      );
    })
  ));

test("refuseUnlessAll() takes a table for read only with all of its rows", async () => {
  const table = { name: "boats", columns: [], order: [], hasRowid: true };
  refuseUnlessAll(table, { expected: 2, rows: 2 });
  const reading = new Promise((resolve) => resolve(refuseUnlessAll(table, { expected: 2, rows: 1 })));
  assert.match((await rejectsWith("backup_failed", reading)).message, /only 1 of its 2 rows came/);
});

test("sqlite file: while it is copied in WAL mode, another process goes on writing", () =>
  sqliteFile.withDatabase((url) =>
    withFolder(async (folder) => {
      const database = new DatabaseSync(sqlitePath(url));
      database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);
        INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i, hex(randomblob(60)) FROM n`);
      database.close();
      const writer = spawn(process.execPath, [
        "eval",
        "--ext=ts",
        `
        import { DatabaseSync } from "node:sqlite";
        const d = new DatabaseSync(${JSON.stringify(sqlitePath(url))}, { timeout: 5000 });
        let id = 1000000;
        process.stdin.on("data", () => { process.stdout.write(String(id - 1000000)); process.exit(0); });
        process.stdin.resume(); process.stdout.write("writing ");
        const step = () => { d.prepare("INSERT INTO t VALUES (?, 'new')").run(++id); setTimeout(step, 2); }; step();
      `,
      ], { stdio: ["pipe", "pipe", "inherit"] });
      let said = "";
      writer.stdout.setEncoding("utf8").on("data", (text: string) => said += text);
      await once(writer.stdout, "data");
      const copy = join(folder, "copy");
      const content = await (await openEngine(url)).dump(copy, never);
      writer.stdin.write("stop");
      await once(writer, "close");
      const [, written] = /writing (\d+)/.exec(said)!;
      assert.ok(Number(written) > 20, `${written} rows were written meanwhile`);
      // All rows up to one moment, and none after it.
      const check = new DatabaseSync(copy, { readOnly: true });
      const row = check.prepare("SELECT count(*) AS n, max(id) AS highest FROM t").get()!;
      check.close();
      assert.equal(Number(row["n"]), content.tables[0]!.rows);
      const came = Number(row["n"]) - 200_000;
      assert.ok(
        came === 0 || Number(row["highest"]) === 1_000_000 + came,
        `${came} rows, up to ${row["highest"]}`,
      );
    })
  ));

test("libsql: a server that dies while it is read makes no copy", async () => {
  const server = await startSqld();
  try {
    await libsql.query(server.url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
    await libsql.query(
      server.url,
      "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000) SELECT i, hex(randomblob(200)) FROM n",
    );
    await withFolder(async (folder) => {
      const engine = await openEngine(server.url);
      const copy = join(folder, "copy");
      let killed = false;
      const kill = () => {
        // Once: another process may have its number afterwards.
        if (!killed) process.kill(server.pid()!, "SIGKILL");
        killed = true;
      };
      await rejectsWith("connection_failed", engine.dump(copy, never, kill));
      assert.ok(!existsSync(copy));
    });
  } finally {
    await server.stop();
  }
});

test("libsql: rows that are too long for one answer together are asked for one by one", () =>
  libsql.withDatabase((url) =>
    withFolder(async (folder) => {
      await libsql.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
      await libsql.query(
        url,
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) SELECT i, hex(randomblob(800000)) FROM n",
      );
      const engine = await openEngine(url);
      const copy = join(folder, "copy");
      const { tables } = await engine.dump(copy, never);
      assert.equal(tables[0]?.rows, 12);
      assert.deepEqual((await engine.prove(copy, never)).content.tables, tables);
    })
  ));

test("libsql: what only the server can make is named, and not part of the copy", () =>
  libsql.withDatabase((url) =>
    withFolder(async (folder) => {
      await libsql.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
      await libsql.query(url, "CREATE VIRTUAL TABLE words USING fts5 (x)");
      await libsql.query(url, "INSERT INTO t VALUES (1, 'a')");
      const engine = await openEngine(url);
      const names = (await engine.uncarried()).map(({ name }) => name);
      assert.ok(names.includes("words"), names.join());
      const content = await engine.dump(join(folder, "copy"), never);
      assert.deepEqual(content.tables.map(({ name }) => name), ["t"]);
      await engine.prove(join(folder, "copy"), never);
    })
  ));

test("libsql: infinite numbers, for which the protocol has no form, come back as they are", () =>
  libsql.withDatabase((source) =>
    libsql.withDatabase((target) =>
      withFolder(async (folder) => {
        await libsql.query(source, "CREATE TABLE endless (r REAL, anything, t TEXT)");
        await libsql.query(
          source,
          "INSERT INTO endless VALUES (9e999, -9e999, 'Inf'), (-9e999, 'Inf', NULL), (NULL, x'00', '-Inf'), (1, 2.5, 9e999)",
        );
        const copy = join(folder, "copy");
        const content = await (await openEngine(source)).dump(copy, never);
        await restoreInto(target, copy);
        const quoted =
          "SELECT quote(r) AS r, quote(anything) AS anything, quote(t) AS t FROM endless ORDER BY rowid";
        const rows = (await libsql.query(target, quoted)).map((row) => ({ ...row }));
        assert.deepEqual(rows, (await libsql.query(source, quoted)).map((row) => ({ ...row })));
        assert.deepEqual(rows[0], { r: "Inf", anything: "-Inf", t: "'Inf'" });
        const back = await (await openEngine(target)).dump(join(folder, "back"), never);
        assert.deepEqual(back.tables, content.tables);
      })
    )
  ));

// A table, a row of it whose text is not UTF-8, and how the row is named.
const badTexts = [
  ["CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)", "VALUES (7, CAST(x'ff41' AS TEXT))", "rowid 7"],
  [
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, b BLOB)",
    "VALUES (7, CAST(x'ff41' AS TEXT), x'00')",
    "rowid 7",
  ],
  [
    "CREATE TABLE t (k TEXT, n INTEGER, x TEXT, PRIMARY KEY (n, k)) WITHOUT ROWID",
    "VALUES ('it''s', 3, CAST(x'ff41' AS TEXT))",
    "n 3, k 'it''s'",
  ],
] as const;
for (const [definition, row, key] of badTexts) {
  test(`libsql: a text that is not UTF-8 is refused by its table and key (${key}, ${definition})`, () =>
    libsql.withDatabase((url) =>
      withFolder(async (folder) => {
        await libsql.query(url, "CREATE TABLE old (id INTEGER PRIMARY KEY)");
        const path = join(folder, "copy.db");
        const copy = new DatabaseSync(path);
        copy.exec(`${definition}; INSERT INTO t ${row}`);
        copy.close();
        const restored = await rejectsWith("backup_failed", restoreInto(url, path));
        const words = `"x" of the row with ${key} is not UTF-8`;
        assert.ok(restored.message.includes('"t"') && restored.message.includes(words), restored.message);
        const names = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'harbor%'";
        assert.deepEqual((await libsql.query(url, names)).map(({ name }) => name), ["old"]);

        await libsql.query(url, definition);
        await libsql.query(url, `INSERT INTO t ${row}`);
        const engine = await openEngine(url);
        const dumped = await rejectsWith("backup_failed", engine.dump(join(folder, "second"), never));
        assert.ok(dumped.message.includes('"t"') && dumped.message.includes(words), dumped.message);
        assert.deepEqual(readdirSync(folder), ["copy.db"]);
      })
    ));
}

test("libsql: the character that stands for what cannot be read is text like any other", () =>
  libsql.withDatabase((url) =>
    withFolder(async (folder) => {
      const path = join(folder, "copy.db");
      const copy = new DatabaseSync(path);
      copy.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, '\ufffd')");
      copy.close();
      await restoreInto(url, path);
      assert.deepEqual((await libsql.query(url, "SELECT hex(x) AS x FROM t")).map(({ x }) => x), ["EFBFBD"]);
    })
  ));

test("libsql: a restore that fails half way leaves the old database", () =>
  libsql.withDatabase((url) =>
    withFolder(async (folder) => {
      await libsql.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
      await libsql.query(url, "INSERT INTO t VALUES (1, 'old')");
      const path = join(folder, "copy.db");
      const copy = new DatabaseSync(path);
      copy.exec(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, 'new'), (2, 'new')",
      );
      // A function that SQLite has since 3.50: the server refuses it after the rows are in their place.
      copy.exec("CREATE INDEX late ON t (unistr(x))");
      copy.close();
      const outcome = await restoreInto(url, path).then(
        () => "restored",
        (error: { code: string }) => error.code,
      );
      assert.notEqual(outcome, "restored");
      assert.deepEqual((await libsql.query(url, "SELECT id, x FROM t")).map((row) => ({ ...row })), [{
        id: 1,
        x: "old",
      }]);
      const tables = await libsql.query(
        url,
        "SELECT name FROM sqlite_schema WHERE name LIKE 'harbor_restore%'",
      );
      assert.deepEqual(tables, []);
    })
  ));

test("libsql: what a server lost of the rows on the way does not take the place of the old ones", () =>
  libsql.withDatabase((url) =>
    withFolder(async (folder) => {
      await libsql.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
      await libsql.query(url, "INSERT INTO t VALUES (1, 'old')");
      const path = join(folder, "copy.db");
      const copy = new DatabaseSync(path);
      copy.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
      copy.close();
      const forgetful = (database: Database): Database => ({
        ...database,
        async write(batch, mode) {
          const changed = await database.write(batch, mode);
          await libsql.query(url, "DELETE FROM harbor_restore_0 WHERE c0 = 2").catch(() => {});
          return changed;
        },
      });
      await rejectsWith("backup_failed", restoreInto(url, path, forgetful));
      assert.deepEqual((await libsql.query(url, "SELECT x FROM t")).map(({ x }) => x), ["old"]);
    })
  ));
