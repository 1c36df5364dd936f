import assert from "node:assert/strict";
import { test } from "node:test";
import { runAnyLine } from "../../src/commands/any_line.ts";
import { commandEntries, loadCommand } from "../../src/commands/all.ts";
import { readPlainLine } from "../../src/commands/plain_line.ts";
import type { Line } from "../../src/commands/run_command.ts";
import { globalOptions } from "../../src/cli/global_options.ts";
import { longName } from "../../src/cli/options.ts";

/** Returns what a line says, in the order in which it is said. */
function said(line: Line | null | undefined) {
  return line && { name: line.command.name, positional: [...line.positional], given: [...line.given] };
}

/** Returns what commander makes of a line. */
async function anyLine(args: readonly string[]) {
  let got: Line | undefined;
  await runAnyLine(args, { print: () => {}, helpWidth: 80, action: async (line) => void (got = await line) });
  return said(got);
}

test("a plain line says what commander makes of it: of each command with each option, and with all of them", async () => {
  for (const entry of commandEntries) {
    const command = await loadCommand(entry);
    const words = [...entry.name.split(" "), ...(command.arguments ?? []).map((_, place) => `value${place}`)];
    const options = Object.values({ ...command.options, ...globalOptions }).map((option) => {
      const name = `--${longName(option)}`;
      return option.flags.endsWith(">") ? [name, "a b"] : [name];
    });
    const lines = [
      words,
      ...options.map((option) => [...words, ...option]),
      [...words, ...options.toReversed().flat()],
      [...entry.name.split(" "), ...options.flatMap(([name, ...value]) => [[name, ...value].join("=")])],
    ];
    for (const line of lines) {
      const isPlain = await readPlainLine(line);
      const isWhole = line === lines.at(-1)
        ? !(command.arguments ?? []).some(({ name }) => name[0] === "<")
        : true;
      assert.equal(isPlain !== null, isWhole, line.join(" "));
      if (isWhole) assert.deepEqual(said(isPlain), await anyLine(line), line.join(" "));
    }
  }
});

// One row a line that is left to commander.
const others = [
  "",
  "--help",
  "status --help",
  "status -h",
  "backup lst",
  "upgarde",
  "--json status",
  "current extra",
  "downgrade",
  "downgrade -1",
  "status -q",
  "status --",
  "status -",
  "status --dir",
  "status --dir=",
  "status --dir -x",
  "status --json --json",
  "status --json=1",
  "status --jsn",
  "status --Json",
  "backup --json list",
  "backup list --compress zstd",
];
for (const line of others) {
  test(`commander reads "${line}"`, async () => assert.equal(await readPlainLine(line.split(" ")), null));
}
