import assert from "node:assert/strict";
import { test } from "node:test";
import { globalOptions } from "../../src/cli/global_options.ts";
import { commandEntries, commandsFor, loadCommand } from "../../src/commands/all.ts";
import { finders, valueName } from "../../src/commands/complete.ts";

const namesFor = async (...args: readonly string[]) => (await commandsFor(args)).map(({ name }) => name);
const all = commandEntries.map(({ name }) => name);

// One row a command line: what is loaded for it.
const cases: readonly [readonly string[], readonly string[]][] = [
  [["status"], ["status"]],
  [["--json", "upgrade", "head"], ["upgrade"]],
  [["backup", "list"], all.filter((name) => name.startsWith("backup"))],
  [["--dir", "history", "status"], ["status", "history"]],
  [["--json", "help", "upgrade"], ["upgrade"]],
  [["--help"], []],
  [[], []],
  [["upgarde"], []],
];

for (const [args, names] of cases) {
  test(`"harbor-db ${args.join(" ")}" loads ${names.join(", ") || "no command"}`, async () =>
    assert.deepEqual((await namesFor(...args)).toSorted(), names.toSorted()));
}

/** Values that the user makes up, or that only the world outside knows. */
const madeUp = [
  "n",
  "ms",
  "rows",
  "seconds",
  "size",
  "time",
  "major",
  "id",
  "name",
  "url",
  "recipient",
  "bucket",
  "command",
  "branch",
  "unit",
];

test("Tab completes the value of every option and argument, but for those that nobody can know", async () => {
  const commands = await Promise.all(commandEntries.map(loadCommand));
  const options = [globalOptions, ...commands.map((each) => each.options)].flatMap((each) =>
    Object.values(each)
  );
  const flags = [
    ...options.filter(({ words }) => words === undefined).map((each) => each.flags),
    ...commands.flatMap(({ arguments: list = [] }) => list.map(({ name }) => name)),
  ];
  const names = new Set(flags.flatMap((each) => valueName(each) ?? []));
  assert.deepEqual([...names].toSorted(), [...Object.keys(finders), ...madeUp].toSorted());
});
