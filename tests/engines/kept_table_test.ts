import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import {
  createKeptTable,
  forgetKept,
  insertKept,
  type Kept,
  keptName,
  readKept,
  readWithdrawal,
  sideTableOf,
  updateKept,
} from "../../src/engines/kept_table.ts";
import { ownTable } from "../../src/engines/statement_names.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

const kept: Kept = {
  id: 7,
  revision: "5b09ebe23c76",
  direction: "downgrade",
  kind: "columns",
  table: 'fi"les',
  sideTable: sideTableOf(7),
  keys: ["id", "uuid"],
  columns: [{ name: "storage_backend", type: "VARCHAR(20)", given: "'local'" }],
  state: "kept",
  lastRow: 0,
  rows: 2,
  bytes: 5_000_000_000,
  madeAt: "2026-11-29T05:00:00.000Z",
};

eachEngine(
  "the registry of kept data is read as it was written, and no schema shows it",
  async ({ database }) => {
    assert.deepEqual(await readKept(database), []);
    const withdrawn = await readWithdrawal(database);
    await database.write([
      createKeptTable(),
      ...withdrawn(keptName),
      sql`CREATE TABLE ${ownTable(kept.sideTable)} (harbor_row INTEGER PRIMARY KEY)`,
      ...withdrawn(kept.sideTable),
      insertKept(kept, { rows: sql`2`, bytes: sql`5000000000` }),
    ]);
    assert.deepEqual(await readKept(database), [kept]);
    assert.deepEqual((await database.introspect()).tables, []);
    await database.write([updateKept({ ...kept, state: "returning", lastRow: 9 })]);
    assert.deepEqual(await readKept(database), [{ ...kept, state: "returning", lastRow: 9 }]);
    await forgetKept(database, [kept]);
    assert.deepEqual(await readKept(database), []);
  },
);

eachEngine("a registry that somebody else wrote into is named", async ({ database }) => {
  await database.write([
    createKeptTable(),
    insertKept(kept, { rows: sql`2`, bytes: sql`0` }),
    sql`UPDATE ${ownTable(keptName)} SET kept_columns = '[{"name": 1}]'`,
  ]);
  const error = await rejectsWith("not_a_database", readKept(database));
  assert.match(error.message, /"harbor_kept": its column "kept_columns" is no text$/);
}, "sqlite");
