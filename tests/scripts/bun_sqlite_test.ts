import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { installedBun } from "../../scripts/build_binary.ts";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

// What is done with a file before it is closed, and which of its files are open afterwards, in the binary's runtime.
const uses: readonly (readonly [what: string, code: string])[] = [
  ["reads", 'database.prepare("SELECT * FROM t").all();'],
  ["writes", 'database.prepare("INSERT INTO t VALUES (1)").run();'],
  [
    "stands in a transaction that wrote",
    'database.exec("BEGIN"); database.prepare("INSERT INTO t VALUES (2)").run();',
  ],
  [
    "stands in the middle of rows",
    'globalThis.rows = database.prepare("VALUES (1), (2)").iterate(); rows.next();',
  ],
];

/** What other files are like whose schema cannot be read. */
const unread = `
  writeFileSync("x.db-damaged", "no database, but long enough to be one".repeat(40));
  const damaged = new DatabaseSync("x.db-damaged");
  try { damaged.prepare("SELECT 1 FROM sqlite_schema").all(); } catch { left.damaged = true; }
  damaged.close();
  const holder = new DatabaseSync("x.db-locked");
  holder.exec("BEGIN EXCLUSIVE");
  const began = performance.now();
  const locked = new DatabaseSync("x.db-locked", { timeout: 60000 });
  locked.exec("PRAGMA busy_timeout = 0");
  try { locked.prepare("SELECT 1 FROM t").all(); } catch { left.locked = true; }
  locked.exec("PRAGMA busy_timeout = 60000");
  locked.close();
  left.isQuick = performance.now() - began < 30000;
  holder.close();
  rmSync("x.db-damaged"); rmSync("x.db-locked");
  left.unread = open();
`;

/** Returns what stands after each use: open files, side files, and at the end the rows. */
async function afterwards(sqlite: string): Promise<Record<string, unknown>> {
  return await withFolder(async (folder) => {
    const script = join(folder, "uses.mjs");
    const each = uses.map(([what, code]) => `
      { const database = new DatabaseSync("x.db"); ${code} database.close(); left[${
      JSON.stringify(what)
    }] = open(); }`);
    await writeFile(
      script,
      `import { DatabaseSync } from ${JSON.stringify(sqlite)};
      import { readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
      const open = () => readdirSync("/proc/self/fd").flatMap((name) => {
        try { return readlinkSync("/proc/self/fd/" + name).match(/x[.]db.*/)?.[0] ?? []; } catch { return []; }
      }).concat(readdirSync(".").filter((name) => name.startsWith("x.db-")));
      const left = {};
      { const database = new DatabaseSync("x.db"); database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)"); database.close(); }
      ${each.join("")}
      ${unread}
      const database = new DatabaseSync("x.db");
      left.rows = database.prepare("SELECT count(*) AS n FROM t").get().n;
      console.log(JSON.stringify(left));`,
    );
    return JSON.parse(
      execFileSync(installedBun(projectFile(".")), [script], { cwd: folder, encoding: "utf8" }),
    );
  });
}

test("the binary's SQLite lets go of a file when it is closed, and keeps what was committed", async () => {
  const left = await afterwards(pathToFileURL(projectFile("scripts/bun_sqlite.ts")).href);
  assert.deepEqual(left, {
    ...Object.fromEntries(uses.map(([what]) => [what, []])),
    damaged: true,
    locked: true,
    isQuick: true,
    unread: [],
    rows: 1,
  });
});

test("the runtime's own SQLite does not, or its stand-in can go", async () => {
  const left = await afterwards("node:sqlite");
  assert.notDeepEqual(left["reads"], []);
});
