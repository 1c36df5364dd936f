import assert from "node:assert/strict";
import { historyFor } from "../../../src/engines/history_for.ts";
import { readKept } from "../../../src/engines/kept_table.ts";
import { readLedger } from "../../../src/engines/ledger.ts";
import type { Direction } from "../../../src/history/applied.ts";
import { type History, sha256 } from "../../../src/history/history.ts";
import type { LedgerRow } from "../../../src/history/ledger/ledger.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { quoteText } from "../../../src/sql/quote.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import {
  ddlOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../../support/samples/schema_history.ts";

const files: SampleTable = { columns: { id: "integer!", name: "text" } };
const stored: SampleTable = { columns: { ...files.columns, backend: "text" } };
const keyed: SampleTable = { columns: { ...stored.columns, api_token: "text" } };

/** The second gives each row the same value; the third makes others of values, and so does its way back. */
const releases: readonly SampleRevision[] = [
  { tables: { files }, up: ddlOf("files", files), down: ['DROP TABLE "files"'] },
  {
    tables: { files: stored },
    up: [
      'ALTER TABLE "files" ADD COLUMN "backend" text',
      `\n-- harbor:backfill table=files key=id\nUPDATE "files" SET "backend" = 'local' WHERE "backend" IS NULL`,
    ],
    down: ['ALTER TABLE "files" DROP COLUMN "backend"'],
  },
  {
    tables: { files: stored },
    up: ['UPDATE "files" SET "name" = upper("name")'],
    down: ['UPDATE "files" SET "name" = lower("name")'],
  },
];

/** Of what it is known what a script gives it alone is left out of what is kept; what stays on one way becomes another on the other. */
async function fill({ engine, url }: Given): Promise<void> {
  const rows = Array.from(
    { length: 50 },
    (_, at) => at % 10 === 0 ? `(${at}, 'as it is', 'r2')` : `(${at}, 'WRITTEN', 'local')`,
  );
  await engine.query(url, `INSERT INTO files (id, name, backend) VALUES ${rows.join(", ")}`);
}

const all = "SELECT * FROM files ORDER BY id";

async function go({ database }: Given, history: History, direction: Direction, text: string) {
  const context = contextOf(database, await historyFor(database, history));
  const { steps } = await migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  return steps.flatMap(({ source, kept }) => kept.map(({ columns, rows }) => [source, columns.join(), rows]));
}

/** What a release of before has of a history. */
const firstOf = (history: History): History => ({ ...history, revisions: history.revisions.slice(0, 1) });

onEngines(
  ["sqlite file", "libsql", "postgres 15"],
  "a release that goes back by the ledger keeps what the one that has the revisions keeps",
  async (given) => {
    const { database, engine, url } = given;
    const newer = schemaHistory(engine.dialect, releases);
    await go(given, newer, "upgrade", "head");
    await fill(given);
    const before = await engine.query(url, all);
    for (const [source, history] of [["history", newer], ["ledger", firstOf(newer)]] as const) {
      assert.deepEqual(await go(given, history, "downgrade", newer.revisions[0]!.id), [
        [source, "name", 50],
        [source, "backend", 5],
      ]);
      await go(given, newer, "upgrade", "head");
      assert.deepEqual(await engine.query(url, all), before);
      assert.deepEqual((await readKept(database)).filter(({ direction }) => direction === "downgrade"), []);
    }
  },
);

/** The checksum of a row, as each release reckons it. */
function checksumOf(row: LedgerRow): string {
  const { revision, parent, tag, dialect, form, upgradeChecksum, downgrade, downgradeChecksum } = row;
  const { change, createdAt, recordedAt, recordedBy } = row;
  return sha256(JSON.stringify([
    ...[revision, parent, tag, dialect, form, upgradeChecksum, downgrade, downgradeChecksum],
    ...[change, createdAt, recordedAt, recordedBy],
  ]));
}

onEngines(
  ["sqlite file", "postgres 15"],
  "by a ledger that an earlier release wrote all values are kept, and the next upgrade writes it anew",
  async (given) => {
    const { database, engine, url } = given;
    const newer = schemaHistory(engine.dialect, releases);
    await go(given, newer, "upgrade", "head");
    await fill(given);
    const before = await engine.query(url, all);
    const ledger = async () => await readLedger(database) ?? [];
    const says = (row: LedgerRow) => JSON.parse(row.change!);
    const writeAsBefore = async () => {
      for (const row of await ledger()) {
        // Which reads these two, and passes over what stands beside them.
        const { base, delta } = says(row);
        assert.equal(row.checksum, checksumOf(row));
        const change = JSON.stringify({ base, delta });
        const checksum = checksumOf({ ...row, change });
        await engine.query(
          url,
          `UPDATE harbor_ledger SET schema_change = ${
            quoteText(change)
          }, checksum = '${checksum}' WHERE revision = '${row.revision}'`,
        );
      }
    };
    await writeAsBefore();
    assert.deepEqual(await go(given, firstOf(newer), "downgrade", "head"), [
      ["ledger", "name", 50],
      ["ledger", "backend", 50],
    ]);
    await go(given, newer, "upgrade", "head");
    assert.deepEqual(await engine.query(url, all), before);
    assert.deepEqual((await readKept(database)).filter(({ direction }) => direction === "downgrade"), []);
    await writeAsBefore();
    assert.deepEqual(await go(given, newer, "upgrade", "head"), []);
    assert.deepEqual(
      (await ledger()).map((row) => says(row).upgrade).toSorted(),
      newer.revisions.map((each) => each.upgradeText()).toSorted(),
    );
  },
);

onEngines(
  ["sqlite file"],
  "the ledger carries no script with a secret in it, nor one that is long, and all values are kept",
  async (given) => {
    const { database, engine, url } = given;
    const long = `SELECT 1 /* ${"x".repeat(300_000)} */`;
    const newer = schemaHistory(engine.dialect, [
      ...releases.slice(0, 2),
      {
        tables: { files: keyed },
        up: [
          'ALTER TABLE "files" ADD COLUMN "api_token" text',
          `UPDATE "files" SET "api_token" = 'hunter2', "backend" = ''`,
        ],
        down: ['ALTER TABLE "files" DROP COLUMN "api_token"'],
      },
      { tables: { files: keyed }, up: [long], down: ['UPDATE "files" SET "name" = lower("name")'] },
    ]);
    await go(given, newer, "upgrade", newer.revisions[1]!.id);
    await fill(given);
    await go(given, newer, "upgrade", "head");
    const carried = (await readLedger(database) ?? []).filter(({ change }) =>
      JSON.parse(change!).upgrade !== null
    );
    // With something else in the place of a secret, it could say that a value is given which is not.
    assert.deepEqual(
      carried.map(({ revision }) => revision).toSorted(),
      newer.revisions.slice(0, 2).map(({ id }) => id),
    );
    assert.deepEqual(await go(given, firstOf(newer), "downgrade", newer.revisions[1]!.id), [
      // Of the long one nobody can tell what it makes of those that stay.
      ["ledger", "name", 50],
      ["ledger", "api_token", 50],
    ]);
    const before = await engine.query(url, all);
    assert.equal(before.length, 50);
  },
);
