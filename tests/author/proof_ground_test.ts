import assert from "node:assert/strict";
import { test } from "node:test";
import { checkProof } from "../../src/author/check/proof.ts";
import { proveRevisions } from "../../src/author/proof/prove.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { inMemory, proofSetting } from "../support/prove_engines.ts";
import {
  ddlOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../support/samples/schema_history.ts";

const owners: SampleTable = { columns: { id: "integer!", name: "text" }, unique: { owners_name: "name" } };
const notes: SampleTable = {
  columns: { id: "integer!", owner: "integer" },
  references: { owner: "owners" },
  checks: { short: "id < 1000" },
};
const sized = { ...notes, columns: { ...notes.columns, size: "integer" } };
const more: SampleTable = { columns: { id: "integer!" } };

const first: SampleRevision = { tables: { owners }, up: ddlOf("owners", owners), down: [] };
/** It asks for what is not there, when some of it is done. */
const failing: SampleRevision = {
  tables: { owners, notes },
  up: [...ddlOf("notes", notes), "SELECT * FROM what_the_host_has"],
  down: [],
};
const third: SampleRevision = {
  tables: { owners, notes: sized },
  up: [`ALTER TABLE "notes" ADD COLUMN "size" integer`],
  down: [`ALTER TABLE "notes" DROP COLUMN "size"`],
};
const fourth: SampleRevision = {
  tables: { ...third.tables, more },
  up: ddlOf("more", more),
  down: [`DROP TABLE "more"`],
};

const historyOf = (...revisions: readonly SampleRevision[]) => schemaHistory("sqlite", revisions);
const setting = proofSetting(inMemory.scratch);
const check = (revisions: readonly SampleRevision[], released: number) =>
  checkProof([{ history: historyOf(...revisions), released }], new Map([["sqlite", setting]] as const));

test("what is after a baseline whose scripts do not run is proven from its snapshot, and says so", async () => {
  const revisions = [first, failing, third, fourth];
  const { ground, starts, law } = await proveRevisions(
    historyOf(...revisions),
    { first: 3, released: 2 },
    setting,
  );
  assert.equal(ground?.revision, "000000000002");
  assert.match(ground.reason, /no such table: what_the_host_has/);
  assert.deepEqual(starts, ["000000000002", "000000000003"]);
  assert.deepEqual(law.map(({ revision }) => revision), ["000000000004"]);
  const found = await check(revisions, 2);
  // Nothing lets them run, so nobody is asked to do anything about it.
  assert.deepEqual(found.map(({ status }) => status), ["pass", "pass"]);
  assert.match(
    found[0]!.message,
    /^sqlite: proven from the snapshot of 000000000002 on, and not from base, since the scripts up to it do not run: .*what_the_host_has/,
  );
  assert.deepEqual(found[0]!.details["ground"], ground);
});

test("what is wrong after such a baseline is found, with the place where the proof began", async () => {
  const wrong = { ...third, down: [`ALTER TABLE "notes" DROP COLUMN "nothing"`] };
  const error = await rejectsWith(
    "not_proven",
    proveRevisions(historyOf(first, failing, wrong), { first: 2, released: 2 }, setting),
  );
  assert.match(error.message, /^Cannot prove the downgrade of "000000000003"/);
  assert.match(error.hint!, /not begun at base, but at what the snapshot of 000000000002 says/);
});

test("no snapshot stands for a script that fails and is not released, nor for scripts that run", async () => {
  const history = historyOf(first, failing, third, fourth);
  for (const released of [0, 1]) {
    await rejectsWith("not_proven", proveRevisions(history, { first: 3, released }, setting));
  }
  const second = { ...failing, up: ddlOf("notes", notes) };
  const { ground } = await proveRevisions(
    historyOf(first, second, third),
    { first: 2, released: 2 },
    setting,
  );
  assert.equal(ground, null);
});

test("released scripts are run where nothing comes after them, too", async () => {
  const [found, ...others] = await check([first, failing], 2);
  assert.deepEqual([found!.status, others], ["pass", []]);
  assert.match(found!.message, /do not run: .*what_the_host_has/);
  assert.deepEqual(await check([first], 1), []);
});

test("where the snapshot cannot be made either, the script's failure stays", async () => {
  const tables = { owners, notes: { ...notes, checks: { no: "no_such_function(id)" } } };
  const error = await rejectsWith(
    "not_proven",
    proveRevisions(historyOf(first, { ...failing, tables }, third), { first: 2, released: 2 }, setting),
  );
  assert.match(error.message, /^Cannot prove the upgrade .*what_the_host_has/);
  assert.match(
    error.hint!,
    /Nor can its schema be made from the snapshot of 000000000002: .*no_such_function/,
  );
});

test("a released table for which no row can be made up is said, and asks nobody to do anything about it", async () => {
  const strange = { columns: { id: "integer!" }, checks: { no: "id > 5 AND id < 3" } };
  const revisions: readonly SampleRevision[] = [
    { tables: { strange }, up: ddlOf("strange", strange), down: [`DROP TABLE "strange"`] },
    { tables: { strange, more }, up: ddlOf("more", more), down: [`DROP TABLE "more"`] },
  ];
  for (const [released, status] of [[1, "pass"], [0, "warn"]] as const) {
    const found = (await check(revisions, released)).filter(({ details }) => details["empty"] !== undefined);
    assert.deepEqual(found.map((each) => each.status), [status]);
    assert.match(found[0]!.message, /but without rows in strange \(from 000000000001 on: /);
  }
});
