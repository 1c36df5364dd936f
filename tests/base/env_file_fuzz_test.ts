import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseEnvFile } from "../../src/base/env_file.ts";
import { projectFile } from "../support/project.ts";
import { type Seeded, seeded } from "../support/seeded.ts";

const rounds = 3_000;

const pieces = [
  "A",
  "B",
  "PATH",
  "=",
  "'",
  '"',
  "#",
  " ",
  "\t",
  "\n",
  "\n",
  "\r\n",
  "\r",
  "\\",
  "\\n",
  "\\'",
  "${",
  "}",
  ":-",
  "${A}",
  "$A",
  "export ",
  "export",
  "x",
  "1",
  "\u00a0",
  "\0",
  "\uFEFF",
  "ä",
  "__proto__",
  "constructor",
];

test("parseEnvFile() reads any text, and accounts for its lines", () => {
  const random = seeded(1);
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const text = random.some(20, () => random.oneOf(pieces)).join("");
    const { values, unreadable } = parseEnvFile(text, { A: "from outside" });
    found += Object.keys(values).length;
    const lines = text.split(/\r\n|\n|\r/).length;
    assert.deepEqual(
      [...new Set(unreadable)].toSorted((a, b) => a - b),
      unreadable,
      "each line once, in order",
    );
    for (const line of unreadable) assert.ok(line >= 1 && line <= lines, `${line} of ${lines}`);
    for (const value of Object.values(values)) assert.equal(typeof value, "string");
    // A line like this one is read wherever it stands, unless a quote above it is still open.
    const isOpen = /['"]/.test(text);
    const last = parseEnvFile(`${text}\nLAST=one`).values["LAST"];
    assert.ok(last === "one" || isOpen, text);
  }
  assert.ok(found > rounds / 20, `${found} values`);
});

/** Random files, and what python-dotenv 1.2.4 reads in each where the environment has `A=outside`. */
const answers = JSON.parse(
  readFileSync(projectFile("tests/golden/env_files.json"), "utf8"),
) as readonly (readonly [
  text: string,
  values: Readonly<Record<string, string>>,
])[];

test("parseEnvFile() reads what python-dotenv reads", () => {
  assert.equal(answers.length, 250);
  for (const [text, values] of answers) {
    assert.deepEqual(parseEnvFile(text, { A: "outside" }).values, values, JSON.stringify(text));
  }
});

const characters = [..."abcXYZ019#'\"=$: %@/?&\\", "\n", "\t", "ä", "\u{1f600}"];

function valueOf(random: Seeded): string {
  const text = random.some(12, () => random.oneOf(characters)).join("");
  return text.replaceAll("${", "$");
}

/** Writes a value as a careful person would, in one of the ways that can hold it. */
function written(value: string, random: Seeded): string {
  const single = `'${value.replaceAll(/[\\']/g, (each) => `\\${each}`)}'`;
  const double = `"${
    value.replaceAll(/[\\"]/g, (each) => `\\${each}`).replaceAll("\n", "\\n").replaceAll("\t", "\\t")
  }"`;
  const isPlain = /^[^\s'"#\\][^\s'"\\]*$/.test(value);
  return random.oneOf([single, double, ...isPlain ? [value] : []]);
}

test("parseEnvFile() gives back the values that a file was written of", () => {
  const random = seeded(2);
  for (let round = 0; round < rounds; round++) {
    const values = Object.fromEntries(
      random.some(
        5,
        () => [`${random.oneOf(["A", "DATABASE_URL", "PG"])}${random.below(4)}`, valueOf(random)] as const,
      ),
    );
    const end = random.oneOf(["\n", "\r\n"]);
    const lines = Object.entries(values).map(([name, value]) =>
      `${random.oneOf(["", "export ", "  "])}${name}${random.oneOf(["=", " = ", "= "])}${
        written(value, random)
      }${random.oneOf(["", " ", " # why"])}`
    );
    const text = ["# a file", ...lines, ""].join(end);
    assert.deepEqual(parseEnvFile(text, {}), { values, unreadable: [] }, text);
  }
});

test("parseEnvFile() puts in what is known, whatever it holds, and nothing else", () => {
  const random = seeded(3);
  for (let round = 0; round < rounds; round++) {
    const known = valueOf(random);
    const quote = random.oneOf(["'", '"', ""]);
    const text = `URL=${quote}pg://u:\${P}@\${NONE:-h}/\${NONE}\${P}${quote}\n`;
    assert.deepEqual(parseEnvFile(text, { P: known }).values, { URL: `pg://u:${known}@h/${known}` }, text);
  }
});
