import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHazards } from "../../src/author/check/hazards.ts";
import { settle } from "../../src/author/check/rules/released.ts";
import { checkSyntax } from "../../src/author/check/syntax.ts";
import { readScripts } from "../../src/author/project/read_scripts.ts";
import { HarborError } from "../../src/base/errors.ts";
import { parseBaseline } from "../../src/history/baseline.ts";
import { testClient } from "../support/databases.ts";
import { ddlOf, type SampleRevision, schemaHistory } from "../support/samples/schema_history.ts";
import { idOf } from "../support/samples/script_history.ts";

const notes = { columns: { id: "integer!" } };
const sized = { columns: { ...notes.columns, size: "integer" } };
/** It asks for what only the service has on which it ran. */
const first: SampleRevision = {
  tables: { notes },
  up: [...ddlOf("notes", notes), "CREATE INDEX v ON notes (libsql_vector_idx(id))"],
  down: [],
};
const second: SampleRevision = {
  tables: { notes: sized },
  up: ['ALTER TABLE "notes" ADD COLUMN "size" integer'],
  down: ['ALTER TABLE "notes" DROP COLUMN "size"'],
};
const wrong: SampleRevision = { ...second, up: ['ALTER TABLE "others" ADD COLUMN "size" integer'] };
const vector = "drizzle/sqlite/000000000001_step.sql:2: no such function: libsql_vector_idx";

// The revisions, how many are released, and what is found.
const cases: readonly (readonly [readonly SampleRevision[], number, readonly string[]])[] = [
  [[first, second], 0, [`fail ${vector}`]],
  [[first, second], 1, [`warn ${vector}`]],
  [[first, second], 2, [`warn ${vector}`]],
  [[first, wrong], 1, [
    `warn ${vector}`,
    "fail drizzle/sqlite/000000000002_step.sql:1: no such table: others",
  ]],
];
for (const [revisions, released, expected] of cases) {
  test(`of ${revisions.length} revisions, ${released} released, check finds ${expected.length} statements, and tries those after the baseline`, async () => {
    const found = await checkSyntax(schemaHistory("sqlite", revisions), testClient, released);
    assert.deepEqual(found.map(({ status, message }) => `${status} ${message}`), expected);
    const { open } = settle(found, (revision) => revision === idOf(0) && released > 0);
    assert.equal(open.length, released === 0 ? 1 : expected.length - 1);
  });
}

test("a released script of PostgreSQL that its parser does not take is no failure either", async () => {
  const meta = { ...first, up: ["\\restrict x"] };
  const found = await checkSyntax(schemaHistory("postgresql", [meta, second]), testClient, 1);
  assert.deepEqual(found.map(({ status }) => status), ["warn"]);
});

test("what is only said of a released script is a count, and what cannot be read is not", () => {
  const finding = (status: "warn" | "fail") =>
    ({ check: "script", status, message: status, hint: null, details: { revision: "a" } }) as const;
  const { open, released } = settle([finding("warn"), finding("fail")], (revision) => revision === "a");
  assert.deepEqual([open, released].map((all) => all.map(({ status }) => status)), [["fail"], ["warn"]]);
});

test("a revision is said not to be judged where nothing says what there was before it", async () => {
  const history = schemaHistory("sqlite", [first, second]);
  const [lost, next] = history.revisions;
  const revisions = [{
    ...lost!,
    snapshot: () => {
      throw new HarborError("bad_history", "there is none", { details: { isMissing: true } });
    },
  }, next!];
  const found = checkHazards({ ...history, revisions }, await readScripts(history), 15);
  assert.deepEqual(found.map(({ status, message, details }) => [status, message, details["revision"]]), [[
    "warn",
    "drizzle/sqlite/000000000002_step.sql: not judged, since 000000000001 before it has no snapshot",
    "000000000002",
  ]]);
});

// What BASELINE says, the tags of the history, and which is meant.
const baselines: readonly (readonly [text: string | null, tags: readonly string[], meant: string | null])[] =
  [
    [null, ["0000_first"], null],
    ["0001  theirs\n", ["0000_first", "0001_theirs"], "0001"],
    ["0001  theirs\n", ["0000_first", "0001_theirs", "0001_mine"], "0001_theirs"],
    ["0001_mine\n", ["0000_first", "0001_theirs", "0001_mine"], "0001_mine"],
    // Nothing says which of them.
    ["0001\n", ["0000_first", "0001_theirs", "0001_mine"], "0001"],
    ["0001  theirs\n", ["20240101000000_first", "20240101000001_theirs"], "20240101000001_theirs"],
  ];
for (const [text, tags, meant] of baselines) {
  test(`a baseline that says ${JSON.stringify(text)} means ${meant} of ${tags.join(", ")}`, () => {
    assert.equal(parseBaseline(text, tags), meant);
  });
}
