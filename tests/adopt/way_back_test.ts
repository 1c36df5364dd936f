import assert from "node:assert/strict";
import { readKept } from "../../src/engines/kept_table.ts";
import { readLedger } from "../../src/engines/ledger.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { preparePlan } from "../../src/migrate/prepare_plan.ts";
import { undoneBridge } from "../../src/migrate/rules/bridged.ts";
import { compareSnapshots } from "../../src/schema/compare/snapshots.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { snapshotOf } from "../../src/history/revision_schema.ts";
import { type Given, onEngines } from "../support/each_engine.ts";
import { adoptDatabase, contextOf } from "../support/samples/adoption.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { makeOrigin, type Origin, origins, readOrigin } from "../support/samples/origins.ts";

const initial = "71dda59686db";
const models = origins.find(({ name }) => name === "create_all of the newest commit")!;
const upgraded = origins.find(({ name }) => name.endsWith("stamped, alembic upgrade f27bd10b7ec4"))!;
const beforeStorage = origins.find(({ name }) => name === "create_all before R2")!;
const one = ["sqlite file", "libsql", "postgres 15"] as const;

function go({ database }: Given, direction: "upgrade" | "downgrade", text: string) {
  return migrate(contextOf(database), { goal: { direction, text }, lockWaitMs: 0 });
}

/** All columns of head of all tables, whatever the origin has. */
async function readAll({ engine, url, database }: Given) {
  const { tables } = await database.introspect();
  const shapes = tables.map((table) =>
    [table.name, { columns: table.columns.map(({ name }) => name) }] as const
  );
  return await readOrigin(engine, url, { ...models, tables: Object.fromEntries(shapes) });
}

for (const origin of [models, upgraded, beforeStorage]) {
  for (const target of [initial, "base"]) {
    onEngines(
      one,
      `"${origin.name}", led to head by a bridge, goes down to ${target} and up again with every value`,
      async (given) => {
        await bridge(given, origin);
        const before = await readAll(given);
        const down = await go(given, "downgrade", target);
        assert.deepEqual([down.from, down.to], ["7b1f73160408", target === "base" ? null : target]);
        await atRevision(given, {
          ids: target === "base" ? [] : [initial],
          hasAlembic: origin.alembic !== null,
        });
        await go(given, "upgrade", "head");
        assert.deepEqual(await readAll(given), before);
        assert.deepEqual(await readKept(given.database), []);
        await useApplication(given.engine, given.url);
        assert.equal((await adoptDatabase(given.url)).action, "none");
      },
    );
  }
}

/** Leads an origin to head. */
async function bridge(given: Given, origin: Origin): Promise<void> {
  await makeOrigin(given.engine, given.url, origin);
  assert.equal((await adoptDatabase(given.url)).action, "bridge");
}

/** Holds a database to what these revisions leave: its schema, its rows of the version table, the ledger and Alembic's. */
async function atRevision(
  { engine, url, database }: Given,
  { ids, hasAlembic }: { readonly ids: readonly string[]; readonly hasAlembic: boolean },
): Promise<void> {
  const context = contextOf(database);
  const { state, current, pending, adopted } = await readStatus(context);
  assert.deepEqual([state.kind, state.refusal], ["managed", null]);
  assert.equal(current?.revision ?? null, ids.at(-1) ?? null);
  assert.equal(pending.length, context.history.revisions.length - ids.length);
  assert.equal(adopted?.how, ids.length === 0 ? undefined : "bridge");
  const applied = await readApplied(database) ?? [];
  assert.deepEqual(
    applied.map(({ revision, origin }) => [revision, origin]),
    ids.map((id) => [id, "bridge"]),
  );
  assert.deepEqual((await readLedger(database))?.map(({ revision }) => revision) ?? [], ids);
  const live = await database.introspect();
  const revision = context.history.revisions.find(({ id }) => id === ids.at(-1));
  if (revision === undefined) assert.deepEqual(live.tables, []);
  else assert.deepEqual(compareSnapshots(snapshotOf(revision), live), []);
  if (!hasAlembic) return;
  const versions = await engine.query(url, "SELECT version_num FROM alembic_version");
  assert.deepEqual(versions.map((row) => row["version_num"]), ids.slice(-1));
}

onEngines(
  one,
  "what an application wrote below a bridge stays, and what it wrote above comes back",
  async (given) => {
    const { engine, url } = given;
    await bridge(given, models);
    const before = await readAll(given);
    await go(given, "downgrade", initial);
    const at = "'2026-01-02 03:04:05.000600'";
    for (
      const statement of [
        "UPDATE files SET original_filename = 'renamed' WHERE id = 6",
        "DELETE FROM files WHERE id = 5",
        `INSERT INTO users (id, uuid, email, password_hash, created_at) VALUES (90, '6f1c2c1e-0000-4000-8000-000000000090', 'new@example.org', 'x', ${at})`,
      ]
    ) await engine.query(url, statement);
    const { pruned } = await go(given, "upgrade", "head");
    assert.deepEqual(pruned, []);
    const after = await readAll(given);
    const text = engine.dialect === "sqlite" ? "text:'renamed'" : "renamed";
    const key = (id: number) => engine.dialect === "sqlite" ? `integer:${id}` : String(id);
    assert.deepEqual(
      after["files"],
      before["files"]!.filter((row) => row["id"] !== key(5)).map((row) =>
        row["id"] === key(6) ? { ...row, original_filename: text } : row
      ),
    );
    assert.deepEqual(after["users"]!.filter((row) => row["id"] !== key(90)), before["users"]);
    assert.deepEqual(after["collections"], before["collections"]);
  },
);

onEngines(
  ["sqlite file"],
  "a plan says which bridge it undoes, also one that goes on half way",
  async (given) => {
    await bridge(given, models);
    const context = contextOf(given.database);
    const bridgeOf = async (text: string) => {
      const { steps, state } = await preparePlan(context, { direction: "downgrade", text });
      return undoneBridge(steps, state.applied);
    };
    const { startedAt } = (await readApplied(given.database))![0]!;
    assert.deepEqual(await bridgeOf("-1"), { at: startedAt });
    assert.deepEqual(await bridgeOf("base"), { at: startedAt });
    const half = (condition: string) =>
      given.engine.query(
        given.url,
        `UPDATE harbor_version SET direction = 'downgrade', finished_at = NULL, started_at = '2027-01-01T00:00:00.000Z' WHERE ${condition}`,
      );
    await half("revision = '7b1f73160408'");
    assert.deepEqual(await bridgeOf("-1"), { at: startedAt });
    await given.engine.query(given.url, "DELETE FROM harbor_version WHERE revision <> '71dda59686db'");
    await half("TRUE");
    assert.deepEqual(await bridgeOf("base"), { at: null });
    // What was run since is undone like anything else.
    await given.engine.query(given.url, "UPDATE harbor_version SET origin = 'run'");
    assert.equal(await bridgeOf("base"), null);
  },
);
