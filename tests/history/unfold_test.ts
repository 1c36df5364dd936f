import assert from "node:assert/strict";
import { test } from "node:test";
import { buildHistory, journalPath } from "../../src/history/history.ts";
import { openSqliteMemory } from "../../src/engines/sqlite/driver.ts";
import { historyFor } from "../../src/engines/history_for.ts";
import { createVersionTables, insertApplied } from "../../src/engines/version_table.ts";
import { recordOf } from "../../src/state/read_unmanaged.ts";
import { testClient } from "../support/databases.ts";
import { unfold } from "../../src/history/unfold.ts";
import { resolveTarget } from "../../src/history/target.ts";
import { HarborError } from "../../src/base/errors.ts";

function refusal(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof HarborError && error.code === code && message.test(error.message);
}

const entry = (tag: string, coveredBy?: string) => ({ idx: 0, when: 1, tag, ...coveredBy && { coveredBy } });
const journal = (entries: readonly unknown[]) => JSON.stringify({ version: "7", dialect: "sqlite", entries });

/** `e` stands for `c` and `d`, and `c` for `a` and `b`; `f` comes after it. */
const files: Readonly<Record<string, string>> = {
  [journalPath]: journal([entry("e_x"), entry("f_x")]),
  [`covered/${journalPath}`]: journal([
    entry("a_x", "c_x"),
    entry("b_x", "c_x"),
    entry("c_x", "e_x"),
    entry("d_x", "e_x"),
  ]),
};
const build = (changed: Readonly<Record<string, string>> = {}) =>
  buildHistory("sqlite", {
    folder: "drizzle/sqlite",
    read: (path) => changed[path] ?? files[path] ?? (path.endsWith(".sql") ? `-- ${path}` : null),
  });

// What a database says that it has, and the revisions by which it goes on.
const cases = [
  ["", "ef"],
  ["e", "ef"],
  ["e f", "ef"],
  ["a", "abdf"],
  ["a b d", "abdf"],
  ["c", "cdf"],
  ["c d f", "cdf"],
  ["stranger", "ef"],
] as const;
for (const [names, expected] of cases) {
  test(`a database that has ${names || "nothing"} goes by ${expected}`, () => {
    const { revisions } = unfold(build(), { names: new Set(names.split(" ")), isForeign: false });
    assert.equal(revisions.map(({ id }) => id).join(""), expected);
    assert.deepEqual(revisions.map(({ parent }) => parent), [null, ...expected.slice(0, -1)]);
  });
}

test("a script that another program ran is known by its checksum, and an unknown database by the first revisions", () => {
  const history = build();
  const { checksum } = history.covered![1]!;
  for (
    const known of [{ names: new Set([checksum]), isForeign: false }, {
      names: new Set<string>(),
      isForeign: true,
    }]
  ) {
    assert.equal(unfold(history, known).revisions.map(({ id }) => id).join(""), "abdf");
  }
});

test("a covered revision that a database has under another id is known by the checksum on record", async () => {
  const database = await openSqliteMemory({ client: testClient, access: "write" });
  try {
    const history = build();
    const row = recordOf(history.covered![0]!, {
      startedAt: "2026-01-01T00:00:00Z",
      appliedBy: "0.0.0",
      origin: "run",
    });
    await database.write([...createVersionTables(), ...insertApplied([{ ...row, revision: "short" }])]);
    assert.equal((await historyFor(database, history)).revisions.map(({ id }) => id).join(""), "abdf");
  } finally {
    await database.close();
  }
});

test("what a history has itself is not covered, as a squash leaves it that was killed between two journals", () => {
  const known = { [journalPath]: journal([entry("c_x"), entry("d_x"), entry("f_x")]) };
  assert.equal(build(known).covered!.map(({ id }) => id).join(""), "ab");
});

test("the end of what a squashed revision stands for is a target, and its middle none", () => {
  const history = build();
  assert.equal(resolveTarget(history, 0, "d"), 1);
  assert.throws(() => resolveTarget(history, 0, "a"), refusal("unknown_target", /e \(.*\) stands for it/));
  assert.throws(() => resolveTarget(history, 0, "c"), refusal("unknown_target", /e \(.*\) stands for it/));
});

test("a covered revision that nothing, or itself, stands for is refused", () => {
  for (const by of ["z_x", "a_x"]) {
    const changed = { [`covered/${journalPath}`]: journal([entry("a_x", by)]) };
    assert.throws(() => build(changed), refusal("bad_history", /no revision stands for a_x/));
  }
});
