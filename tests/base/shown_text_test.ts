import assert from "node:assert/strict";
import { test } from "node:test";
import { createColors } from "../../src/cli/output/colors.ts";
import { createReport } from "../../src/cli/output/report.ts";
import { HarborError } from "../../src/base/errors.ts";
import { shownJson, shownText } from "../../src/base/shown_text.ts";

// One row a rule: what it does, the text, how it is shown.
const cases: readonly (readonly [rule: string, text: string, shown: string])[] = [
  ["leaves what shows", 'files "Größe" 日本 👍', 'files "Größe" 日本 👍'],
  ["escapes a terminal's commands", "a\x1b[2Jb", "a\\x1b[2Jb"],
  ["escapes their one-byte forms", "a\u009b31mb", "a\\x9b31mb"],
  ["escapes line breaks and tabs", "a\nb\rc\td", "a\\nb\\rc\\td"],
  ["escapes other line breaks", "a\u2028b\u0085c", "a\\u2028b\\x85c"],
  ["escapes what turns the order of letters", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
  ["escapes half a character", "a\ud800b", "a\\ud800b"],
];
for (const [rule, text, shown] of cases) {
  test(`shownText() ${rule}`, () => assert.equal(shownText(text), shown));
}

test("shownJson() keeps whole numbers exact and writes nothing raw that does not show", () => {
  const text = shownJson({ id: 9007199254740993n, far: Infinity, name: "a\u009b\u202e\nb" });
  assert.deepEqual(JSON.parse(text), { id: "9007199254740993", far: "Infinity", name: "a\u009b\u202e\nb" });
  assert.doesNotMatch(text, /[\u007f-\u009f\u202e]/);
});

/** Prints with a report and returns what stdout and stderr got. */
async function printed(
  { isTerminal, color }: { readonly isTerminal: boolean; readonly color: boolean },
  work: (report: ReturnType<typeof createReport>) => Promise<void> | void,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const output = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") => ({
    isTerminal,
    write: (text: string) => {
      output[name] += text;
    },
  });
  await work(createReport({
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    json: false,
    quiet: false,
    color,
    now: () => 0,
  }));
  return output;
}

const evil = "x\nerror: all is lost\x1b[2J\x1b[31m";
const shown = "x\\nerror: all is lost\\x1b[2J\\x1b[31m";

for (const color of [true, false]) {
  test(`a report ${color ? "in" : "without"} colours prints names with nothing of a terminal's in them`, async () => {
    const { stdout, stderr } = await printed({ isTerminal: color, color }, async (report) => {
      report.line(`table ${report.colors.red(evil)}`);
      await report.table(["name"], [[evil], [report.colors.bold(evil)]]);
      report.note(evil);
      report.event({ kind: "waiting", owner: evil });
      report.failure(
        new HarborError("locked", [`Cannot use "${evil}"`, "a second line"], { hint: [evil, "b"] }),
      );
    });
    const red = color ? `\x1b[31m${shown}\x1b[39m` : shown;
    const bold = (text: string) => color ? `\x1b[1m${text}\x1b[22m` : text;
    assert.equal(stdout, `table ${red}\n${bold("name")}\n${shown}\n${bold(shown)}\n`);
    const plain = ["31", "39", "1", "22"].reduce(
      (text, code) => text.replaceAll(`\x1b[${code}m`, ""),
      stderr,
    );
    assert.deepEqual(plain.split("\n"), [
      shown,
      `waiting for the lock, held by ${shown}`,
      `error: Cannot use "${shown}"`,
      "       a second line",
      `hint:  ${shown}`,
      "       b",
      "",
    ]);
  });
}

test("a report writes a script as it is into a file, and with escapes on a terminal", async () => {
  const script = 'CREATE TABLE "\x1b[2J" (\n\tid integer);\n';
  const write = (report: ReturnType<typeof createReport>) => report.raw(script);
  assert.equal((await printed({ isTerminal: false, color: false }, write)).stdout, script);
  assert.equal(
    (await printed({ isTerminal: true, color: true }, write)).stdout,
    'CREATE TABLE "\\x1b[2J" (\n\tid integer);\n',
  );
});

test("colours need the mark that nobody else knows", () => {
  const { red, render } = createColors(true, "secret");
  assert.equal(render(`${red("a")} 31;b`), "\x1b[31ma\x1b[39m 31;b");
});
