import assert from "node:assert/strict";
import { test } from "node:test";
import { commandEntries, commandsFor } from "../../src/commands/all.ts";

const namesFor = async (...args: readonly string[]) => (await commandsFor(args)).map(({ name }) => name);
const all = commandEntries.map(({ name }) => name);

test("every command is listed by its own name", async () => {
  for (const entry of commandEntries) assert.equal((await entry.load()).name, entry.name);
});

// One row a command line: what is loaded for it.
const cases: readonly [readonly string[], readonly string[]][] = [
  [["status"], ["status"]],
  [["--json", "upgrade", "head"], ["upgrade"]],
  [["backup", "list"], all.filter((name) => name.startsWith("backup"))],
  [["--dir", "history", "status"], ["status", "history"]],
  [["help", "upgrade"], all],
  [["--help"], all],
  [[], all],
  [["upgarde"], all],
];

for (const [args, names] of cases) {
  test(`"harbor-db ${args.join(" ")}" loads ${names === all ? "all commands" : names.join(", ")}`, async () =>
    assert.deepEqual((await namesFor(...args)).toSorted(), names.toSorted()));
}
