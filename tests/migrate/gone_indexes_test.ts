import assert from "node:assert/strict";
import { migrate } from "../../src/migrate/migrate.ts";
import { onEngines } from "../support/each_engine.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { ddlOf, rebuildOf, type SampleTable, schemaHistory } from "../support/samples/schema_history.ts";

const first: SampleTable = { columns: { id: "integer", a: "text" }, unique: { ux_a: "a" } };
const second: SampleTable = { columns: { id: "integer", a: "text!" } };

onEngines(
  ["sqlite file"],
  "an index that a revision knows no more goes with the table that it rebuilds",
  async ({ database, url, engine }) => {
    const history = schemaHistory("sqlite", [
      { tables: { t: first }, up: ddlOf("t", first), down: ["DROP TABLE t"] },
      { tables: { t: second }, up: rebuildOf("t", second), down: rebuildOf("t", first) },
    ]);
    const run = (direction: "upgrade" | "downgrade", text: string) =>
      migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0 });
    const indexes = async () =>
      (await database.introspect()).tables.flatMap((table) => table.indexes.map(({ name }) => name).sort());
    await run("upgrade", "+1");
    await engine.query(url, "CREATE INDEX somebodys ON t (a)");
    await run("upgrade", "head");
    assert.deepEqual(await indexes(), ["somebodys"]);
    await run("downgrade", "-1");
    assert.deepEqual(await indexes(), ["somebodys", "ux_a"]);
  },
);
