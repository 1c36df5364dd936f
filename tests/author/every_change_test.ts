import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { dialects } from "../../src/base/dialect.ts";
import { type Contents, readContents } from "../../src/author/proof/contents.ts";
import { putRows } from "../../src/author/proof/put_rows.ts";
import { outlooksOf } from "../../src/author/proof/rules/outlook.ts";
import { messageOf } from "../../src/base/errors.ts";
import type { Database } from "../../src/engines/database.ts";
import { forgetKept, readKept } from "../../src/engines/kept_table.ts";
import type { History, Revision } from "../../src/history/history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { compareSnapshots, describeDifference } from "../../src/schema/compare/snapshots.ts";
import type { Snapshot } from "../../src/schema/snapshot.ts";
import { snapshotOf } from "../../src/history/revision_schema.ts";
import { inMemory, libsqlProof, postgresProof, type ProofEngine } from "../support/prove_engines.ts";
import type { CheckContext } from "../../src/verify/checks/check.ts";
import { readSchemas } from "../../src/verify/checks/read_schemas.ts";
import { schemaCheck } from "../../src/verify/checks/schema.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { type Change, changes } from "../support/samples/changes.ts";
import { generateBetween, tablesFor } from "../support/samples/two_revisions.ts";

// Each kind of change goes up, down and up again on rows. What is there each time is compared with the snapshot, and what
// is in the columns that did not change with what was in them.

/** Generates a change; of a dialect that does not have it there is nothing. */
function generate({ before, after, only, ...decisions }: Change) {
  const inDialects = (tables: Change["before"]) => ({
    sqlite: only === "postgresql" ? {} : tablesFor("sqlite", tables),
    postgresql: only === "sqlite" ? {} : tablesFor("postgresql", tables),
  });
  return generateBetween(inDialects(before), inDialects(after), decisions);
}

type Pair = readonly [was: string, now: string];

/** What is called what in the end, in the tables and columns that are the same at both ends. */
function untouched(from: Snapshot, to: Snapshot, { renames = [] }: Change) {
  const nameAfter = (name: string) =>
    renames.map((each) => each.split("=")).find(([was]) => was === name)?.[1] ?? name;
  return from.tables.flatMap((table) => {
    const name = nameAfter(table.name);
    const other = to.tables.find((each) => each.name === name);
    const columns = table.columns.flatMap((column): readonly Pair[] => {
      const now = nameAfter(`${table.name}.${column.name}`).split(".").at(-1)!;
      const twin = other?.columns.find((each) => each.name === now);
      return twin?.type === column.type && twin.notNull === column.notNull && twin.default === column.default
        ? [[column.name, now]]
        : [];
    });
    return columns.length === 0 ? [] : [{ was: table.name, now: name, columns }];
  });
}

/** Returns the rows of some columns of each table, as text. */
function valuesOf(contents: Contents, tables: ReturnType<typeof untouched>, end: "was" | "now") {
  const place = end === "was" ? 0 : 1;
  return tables.map((table) => [
    table.was,
    contents.get(table[end])!.map((row) => table.columns.map((column) => row[column[place]]).join(" | "))
      .toSorted(),
  ]);
}

async function walk(database: Database, history: History, change: Change): Promise<void> {
  const [first, second] = history.revisions as readonly [Revision, Revision];
  const [from, to] = [snapshotOf(first), snapshotOf(second)];
  const same = untouched(from, to, change);
  const context = contextOf(database, history);
  const go = async (direction: "upgrade" | "downgrade", revision: Revision | null) => {
    await migrate(context, { goal: { direction, text: revision?.id ?? "base" }, lockWaitMs: 0 });
    const expected = revision === null ? { ...from, tables: [] } : snapshotOf(revision);
    const live = await database.introspect();
    const drift = [...compareSnapshots(expected, live), ...compareSnapshots(live, expected)];
    assert.deepEqual(drift.map(describeDifference), [], `${direction} to ${revision?.name ?? "base"}`);
    return live;
  };
  await go("upgrade", first);
  const passage = { before: from, after: to, statements: second.upgrade().statements.map(({ sql }) => sql) };
  const { empty } = await putRows(database, from, outlooksOf(from, [passage]));
  assert.deepEqual(empty, []);
  const before = valuesOf(await readContents(database, from), same, "was");
  for (
    const [direction, revision, schema, end] of [
      ["upgrade", second, to, "now"],
      ["downgrade", first, from, "was"],
      ["upgrade", second, to, "now"],
    ] as const
  ) {
    await go(direction, revision);
    const now = valuesOf(await readContents(database, schema), same, end);
    assert.deepEqual(now, before, `what is in it after the ${direction}`);
  }
  assert.deepEqual(await foundBySchemaCheck(database, history), ["pass"], "verify");
  const left = await go("downgrade", null);
  assert.deepEqual(left.others, [], "something is left at base");
  // The next change may begin with the same revision, and its rows are to be its own.
  await forgetKept(database, await readKept(database));
}

/** Returns what verify says of the schema: that it is as it should be, or all that is not. */
async function foundBySchemaCheck(database: Database, history: History): Promise<readonly string[]> {
  const asked: Pick<CheckContext, "database" | "history" | "state" | "schema" | "schemas"> = {
    database: () => Promise.resolve(database),
    history: () => Promise.resolve(history),
    state: async () => ({
      kind: "managed",
      applied: await readApplied(database) ?? [],
      alembic: null,
      refusal: null,
    }),
    schema: () => database.introspect(),
    schemas: () => Promise.resolve(readSchemas(history)),
  };
  const found = await Array.fromAsync(schemaCheck.run(asked as CheckContext));
  return found.map(({ status, message }) => status === "pass" ? status : message);
}

/** What each change is generated as, once for all engines. */
const generated = new Map<Change, ReturnType<typeof generate>>();

/** Runs changes one after the other, some in each database; a new one after one that failed. */
async function failuresOf(
  engine: ProofEngine,
  isMine: (place: number) => boolean,
): Promise<readonly string[]> {
  const { dialect, scratch } = engine;
  const failures: string[] = [];
  // What is kept of those before slows each down, and a database in memory costs nothing.
  const most = engine === inMemory ? 1 : changes.length;
  const left = changes.filter(({ only }) => only === undefined || only === dialect)
    .filter((_, place) => isMine(place));
  while (left.length > 0) {
    await scratch(async (database) => {
      for (let tried = 0; tried < most && left.length > 0; tried++) {
        const change = left.shift()!;
        try {
          const made = generated.get(change) ?? generate(change);
          generated.set(change, made);
          await walk(database, (await made).history(dialect), change);
        } catch (error) {
          failures.push(`${change.what}: ${messageOf(error)}`);
          return;
        }
      }
    });
  }
  return failures;
}

/** On servers, which take several times as long, one of six is tried, and in memory the others; all of them with this set. */
const serverShare = process.env["HARBOR_DB_EVERY_CHANGE"] === undefined ? 6 : 1;

// On PostgreSQL 15 runs what generate_words_test.ts has.
const every = [inMemory, libsqlProof, postgresProof(18)];
const [inProcess, ...servers] = every;
let running: Promise<readonly (readonly string[])[]> | undefined;

/** Servers get their work at once, since each waits for its own most of the time. */
async function failuresAt(place: number): Promise<readonly string[]> {
  if (place === 0) return await failuresOf(inProcess!, (at) => serverShare === 1 || at % serverShare !== 0);
  running ??= Promise.all(servers.map((server) => failuresOf(server, (at) => at % serverShare === 0)));
  return (await running)[place - 1]!;
}

for (const [place, { name }] of every.entries()) {
  const which = serverShare === 1 ? "every kind" : place === 0 ? "five of six kinds" : "one of six kinds";
  test(`${which} of change goes up, down and up again, and leaves what its snapshot says (${name})`, async () => {
    assert.deepEqual(await failuresAt(place), []);
  });
}

test("there are at least eighty kinds of change on each dialect, each once", () => {
  assert.equal(new Set(changes.map(({ what }) => what)).size, changes.length);
  for (const dialect of dialects) {
    const own = changes.filter(({ only }) => only === undefined || only === dialect);
    assert.ok(own.length >= 80, `${dialect}: ${own.length}`);
  }
});
