import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { HarborError } from "../../../src/base/errors.ts";
import { besideWords, readBeside } from "../../../src/engines/beside_progress.ts";
import { clearBeside, killAfter, runBeside, withLarge } from "../../support/beside_writer.ts";
import { withFolder } from "../../support/databases.ts";
import { seeded } from "../../support/seeded.ts";

const parent =
  "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE, x INTEGER, y TEXT, name TEXT COLLATE NOCASE NOT NULL DEFAULT 'B', g AS (CASE WHEN name = 'b' THEN 'b' ELSE id END) UNIQUE, UNIQUE (x, y))";
const columns = "id INTEGER PRIMARY KEY, n INTEGER, a TEXT, b";

/** One row a foreign key: its text, and an index of its columns. */
const references: readonly (readonly [text: string, index: string | null])[] = [
  ["FOREIGN KEY (n) REFERENCES p (id) ON DELETE CASCADE", "CREATE INDEX i ON t (n)"],
  ["FOREIGN KEY (b) REFERENCES p ON DELETE RESTRICT ON UPDATE CASCADE", "CREATE INDEX i ON t (b)"],
  ["FOREIGN KEY (a) REFERENCES p (code) ON DELETE SET NULL", null],
  ["FOREIGN KEY (n, a) REFERENCES p (x, y) ON UPDATE SET DEFAULT", "CREATE INDEX i ON t (n, a)"],
  ["FOREIGN KEY (n) REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED", null],
];

interface Given {
  readonly path: string;
  /** Another program's connection. */
  readonly application: DatabaseSync;
  /** Changes rows of both tables as no application does; whatever the foreign key is. */
  readonly write: (count: number) => void;
  /** Returns the rows that refer to nothing, as SQLite itself says of them on a table that has the key. */
  readonly broken: () => readonly unknown[];
  /** Takes these away. */
  readonly heal: () => void;
  readonly script: readonly string[];
}

async function withTables(seed: number, work: (given: Given) => Promise<void>): Promise<void> {
  const [text, index] = references[seed % references.length]!;
  await withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    const application = new DatabaseSync(path, {
      timeout: 1_000,
      enableForeignKeyConstraints: seed % 2 === 0,
    });
    try {
      application.exec(
        `PRAGMA journal_mode = ${seed % 4 > 0 ? "WAL" : "DELETE"}; PRAGMA synchronous = OFF;
PRAGMA recursive_triggers = ${seed % 3 === 0 ? "ON" : "OFF"}; ${parent}; CREATE TABLE t (${columns}); ${
          index ?? ""
        }`,
      );
      const { below, oneOf } = seeded(seed);
      const value = () =>
        oneOf([null, below(30), below(30), `${below(30)}`, `c${below(30)}`, `C${below(30)}`]);
      const change = () => {
        const or = oneOf(["", "OR REPLACE", "OR REPLACE", "OR IGNORE"]);
        const run = (text: string, ...values: ReturnType<typeof value>[]) =>
          void application.prepare(text).run(...values);
        switch (below(9)) {
          case 0:
          case 1:
            return run(
              `INSERT ${or} INTO p (id, code, x, y, name) VALUES (?, ?, ?, ?, ?)`,
              ...[
                below(2) === 0 ? null : below(30),
                value(),
                below(4),
                value(),
                oneOf([null, "b", `${below(9)}`]),
              ],
            );
          case 2:
            return run(
              "INSERT INTO p (id, code) VALUES (?, ?) ON CONFLICT DO UPDATE SET code = excluded.code",
              ...[below(30), value()],
            );
          case 3:
            return run(
              `UPDATE ${or} p SET id = ?, code = ?, y = ? WHERE id = ?`,
              below(30),
              value(),
              value(),
              below(30),
            );
          case 4:
            return run("DELETE FROM p WHERE id = ?", below(30));
          case 5:
          case 6:
            return run(
              `INSERT ${or} INTO t (id, n, a, b) VALUES (?, ?, ?, ?)`,
              ...[oneOf([null, below(60)]), below(3) > 0 ? below(30) : null, value(), value()],
            );
          case 7:
            return run(
              `UPDATE ${or} t SET id = id + ?, n = ?, a = ? WHERE id = ?`,
              below(2),
              below(30),
              value(),
              below(60),
            );
          default:
            return run("DELETE FROM t WHERE id = ?", below(60));
        }
      };
      const write = (count: number) => {
        for (let done = 0; done < count; done++) {
          try {
            change();
          } catch (error) {
            if (!/constraint/i.test(String(error))) throw error;
          }
        }
      };
      const broken = () => {
        const scratch = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
        try {
          scratch.exec(`${parent}; CREATE TABLE t (${columns}, ${text})`);
          for (const [table, names] of [["p", "id, code, x, y, name"], ["t", "id, n, a, b"]] as const) {
            const put = scratch.prepare(
              `INSERT INTO ${table} (${names}) VALUES (${names.replace(/\w+/g, "?")})`,
            );
            for (const row of application.prepare(`SELECT ${names} FROM ${table}`).all()) {
              put.run(...Object.values(row));
            }
          }
          return scratch.prepare("SELECT rowid AS id FROM pragma_foreign_key_check('t')").all().map((
            { id },
          ) => id);
        } finally {
          scratch.close();
        }
      };
      write(200);
      const heal = () => {
        while (broken().length > 0) application.exec(`DELETE FROM t WHERE id IN (${broken().join()})`);
      };
      heal();
      const script = [
        `CREATE TABLE __new_t (${columns}, ${text})`,
        "INSERT INTO __new_t (id, n, a, b) SELECT id, n, a, b FROM t",
        "DROP TABLE t",
        "ALTER TABLE __new_t RENAME TO t",
        ...index === null ? [] : [index],
      ].map((text) => text.replace("REFERENCES t ", "REFERENCES `__new_t` "));
      await work({ path, application, write, broken, heal, script });
    } finally {
      application.close();
    }
  });
}

/**
 * Runs it, and lets the application do something before one of its statements that are in no transaction: of those that come once all rows
 * were looked at, while what others write is noted, the one of that place.
 *
 * @returns What the rows had against it, and whether it came to that
 */
async function run(
  given: Given,
  place: number,
  work: () => void,
): Promise<{ readonly error: HarborError | null; readonly isReached: boolean }> {
  const { path, application, script } = given;
  const { prepare } = DatabaseSync.prototype;
  let [left, isLooked] = [place, false];
  DatabaseSync.prototype.prepare = function (text: string) {
    if (this !== application && this.location() === path && !this.isTransaction && isNoting(given)) {
      if (isLooked && left-- === 0) work();
      isLooked ||= text.startsWith("SELECT demand FROM");
    }
    return prepare.call(this, text);
  };
  try {
    await runBeside(path, script, () => {});
    return { error: null, isReached: left < 0 };
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "dangling_reference") throw error;
    return { error, isReached: left < 0 };
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
}

function isNoting({ application }: Given): boolean {
  return application.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'harbor_beside'").get() !== undefined;
}

function isDone({ application }: Given): boolean {
  const query = "SELECT 1 FROM sqlite_schema WHERE name = 't' AND sql LIKE '%REFERENCES%'";
  return application.prepare(query).get() !== undefined;
}

function assertWhole(given: Given, hasKey: boolean): void {
  const { application } = given;
  const all = (text: string) => application.prepare(text).all().map((row) => Object.values(row)[0]);
  assert.equal(isDone(given), hasKey);
  assert.deepEqual(all("SELECT name FROM sqlite_schema WHERE name LIKE '%harbor%'"), []);
  assert.deepEqual(all("PRAGMA integrity_check"), ["ok"]);
  if (hasKey) assert.deepEqual(all("PRAGMA foreign_key_check"), []);
}

test("a new foreign key beside a writer stands with no row that refers to nothing, or not at all", async () => {
  let [done, refused] = [0, 0];
  for (let seed = 0; seed < 30; seed++) {
    await withTables(seed, async (given) => {
      const place = Math.floor(seed / references.length) % 6;
      const { error, isReached } = await run(given, place, () => given.write(1 + seed % 3));
      if (isReached && error === null) done++;
      if (isReached && error !== null) refused++;
      assertWhole(given, error === null);
    });
  }
  assert.ok(done > 7 && refused > 7, `${done} done, ${refused} refused`);
});

/** What others do once all rows were looked at. */
const deeds: readonly string[] = [
  "DELETE FROM p WHERE id = 1",
  "UPDATE p SET id = 99 WHERE id = 1",
  "UPDATE p SET code = 'C1' WHERE id = 1",
  "UPDATE p SET code = 'q', y = 'q' WHERE id = 1",
  // Some of which push out a row.
  "REPLACE INTO p (id, code) VALUES (50, 'C1')",
  "REPLACE INTO p (id, code) VALUES (1, 'q')",
  "UPDATE OR REPLACE p SET code = 'c1' WHERE id = 4",
  "UPDATE OR REPLACE p SET id = 1 WHERE id = 4",
  "REPLACE INTO p (id, name) VALUES (50, NULL)",
  "REPLACE INTO p (id, name) VALUES (50, 'B')",
  "INSERT OR IGNORE INTO p (id, code) VALUES (50, 'c1')",
  "INSERT INTO p (id, code) VALUES (50, 'c1') ON CONFLICT DO UPDATE SET x = x",
  "INSERT INTO t (n, a, b) VALUES (99, 'q', 99)",
  "INSERT INTO t (n, a, b) VALUES (NULL, NULL, NULL)",
  "INSERT INTO t (n, a, b) VALUES (2, 'C2', '2')",
  "UPDATE t SET n = 99 WHERE id = 1",
  "UPDATE t SET id = 99 WHERE id = 1",
  "DELETE FROM p WHERE id = 1; INSERT INTO p (id, code, x, y, name) VALUES (1, 'c1', 1, 'c1', 'b')",
  "DELETE FROM p WHERE id = 1; DELETE FROM t WHERE id <> 2",
  "UPDATE t SET n = 99 WHERE id = 1; UPDATE t SET n = NULL WHERE id = 1",
];

test("what others write once all rows were looked at lets a new foreign key stand where SQLite finds nothing wrong with it", async () => {
  let stood = 0;
  for (const [at, deed] of deeds.entries()) {
    for (const place of references.keys()) {
      await withTables(place + 5 * (at % 4), async (given) => {
        const { application } = given;
        application.exec(
          `DELETE FROM t; DELETE FROM p; INSERT INTO p (id, code, x, y, name) VALUES (1, 'c1', 1, 'c1', 'b'), (2, 'c2', 2, 'c2', 'n2'), (4, 'c4', 4, 'c4', 'n4');
INSERT INTO t VALUES (1, 1, 'c1', '1'), (2, 2, 'c2', 2), (3, 1, NULL, NULL)`,
        );
        if (references[place]![0].includes("(code)")) application.exec("UPDATE t SET a = 'C2' WHERE id = 2");
        let isSound = true;
        const { error } = await run(given, at % 3, () => {
          application.exec(deed);
          isSound = given.broken().length === 0;
        });
        if (isSound) stood++;
        assert.equal(error === null, isSound, `${deed}: ${references[place]![0]} ${error?.message}`);
        assertWhole(given, isSound);
      });
    }
  }
  assert.ok(stood > 40 && stood < 80, `${stood} stood`);
});

test("a key that goes while all rows are looked at once more is not forgotten for a VACUUM", () =>
  withTables(2, async (given) => {
    const { application } = given;
    application.exec(
      `DELETE FROM t; DELETE FROM p; INSERT INTO p (id, code, name) VALUES (1, 'c1', 'n1'), (2, 'c2', 'n2'), (4, 'c4', 'n4');
INSERT INTO t (id, a) VALUES (1, 'c1'), (2, 'C2')`,
    );
    let isVacuumed = false;
    const { error } = await run(given, 0, () => {
      // What is noted first is there still and forgotten at once: the note that stays is not the first.
      application.exec("UPDATE p SET name = name; DELETE FROM p WHERE code = 'c4'");
      const { prepare } = DatabaseSync.prototype;
      let isLooked = false;
      DatabaseSync.prototype.prepare = function (text: string) {
        if (this !== application && isLooked && !isVacuumed) {
          isVacuumed = true;
          application.exec("VACUUM; DELETE FROM p WHERE code = 'c2'");
        }
        isLooked ||= text.startsWith("SELECT demand FROM");
        return prepare.call(this, text);
      };
    });
    assert.ok(isVacuumed);
    assert.match(error?.message ?? "", /rows would refer to nothing \(t by a to p\)/);
    assertWhole(given, false);
  }));

test("a new foreign key that is killed before any of its statements is given up or stands at last, and the application goes on", async () => {
  let points = 0;
  let isKilled = true;
  const said = new Set<string>();
  for (let seed = 0, after = 2; isKilled; seed++, after += 5) {
    await withTables(seed, async (given) => {
      isKilled = await killAfter(after, given, () => runBeside(given.path, given.script, () => {}));
      if (isKilled) points++;
      for (const change of await withLarge(given.path, readBeside)) said.add(besideWords(change));
      given.write(20);
      given.heal();
      const stands = isDone(given);
      if (seed % 3 === 0 || stands) await clearBeside(given.path, []);
      if (seed % 3 === 0 || stands) assertWhole(given, stands);
      if (!stands) await runBeside(given.path, given.script, () => {});
      assertWhole(given, true);
    });
  }
  assert.ok(points >= 10, `${points} points`);
  const isKnown = /^(?:change|check) of .* of [pt]: (?:its triggers stand|what others write there is noted)$/;
  assert.deepEqual([...said].filter((words) => !isKnown.test(words)), []);
  assert.ok(said.has("check of new foreign keys of t: what others write there is noted"), [...said].join());
});
