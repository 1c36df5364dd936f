import assert from "node:assert/strict";
import type { Backfill } from "../../src/history/scripts/statement.ts";
import { readEdgeKey, readWindow } from "../../src/migrate/paced/backfill_window.ts";
import { eachEngine } from "../support/each_engine.ts";

eachEngine(
  "a backfill's window ends where its keys end by their own order, not by that of their texts",
  async ({ engine, url, database }) => {
    await engine.query(url, "CREATE TABLE files (edge integer PRIMARY KEY, size integer)");
    const keys = [8, 9, 10, 100, 99, 2000].map((key) => `(${key})`).join(", ");
    await engine.query(url, `INSERT INTO files (edge) VALUES ${keys}`);
    const backfill: Backfill = {
      kind: "backfill",
      table: "files",
      key: "edge",
      update: "UPDATE files SET size = 1",
      condition: "size IS NULL",
    };
    const from = { key: "8", isAhead: false };
    assert.deepEqual(await readWindow(database, backfill, { from, end: "2000", limit: 4 }), {
      last: "100",
      walked: 4,
      matching: 4,
      firstMatching: "9",
    });
    assert.equal(await readEdgeKey(database, backfill, "lowest"), "8");
    assert.equal(await readEdgeKey(database, backfill, "highest"), "2000");
  },
);
