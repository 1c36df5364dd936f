import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { readScript, statementsIn } from "../../../src/engines/postgres/backup/script.ts";

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** Reads a line, five bytes, a line, then rows, then a line. */
async function readAll(text: string, size: number) {
  const seen: Uint8Array[] = [];
  const script = readScript(inPieces(text, size), (bytes) => seen.push(bytes));
  const head = [await script.line(), await script.text(5), await script.line()];
  const rows: Uint8Array[] = [];
  for await (const piece of script.rows()) rows.push(piece);
  const tail = [await script.line(), await script.line()];
  return { head, rows: textOf(rows), tail, seen: textOf(seen) };
}

function textOf(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString("utf8");
}

const bodies: readonly [string, string][] = [
  ["no row", ""],
  ["rows", "1\ta\n2\tü\n"],
  ["an empty row at the end", "1\n\n"],
  ["a value that looks like the end", "\\\\.\na\\\\.\n.\\.\n"],
  ["a long row", `${"x".repeat(1000)}\n`],
];
for (const [what, body] of bodies) {
  for (const size of [1, 2, 3, 4, 5, 7, 1000]) {
    test(`readScript() reads ${what} in pieces of ${size}`, async () => {
      const text = `first\n12345third\n${body}\\.\nlast\n`;
      assert.deepEqual(await readAll(text, size), {
        head: ["first", "12345", "third"],
        rows: body,
        tail: ["last", null],
        seen: text,
      });
    });
  }
}

const cuts: readonly [string, string][] = [
  ["in a line", "fir"],
  ["in a text", "first\n123"],
  ["in rows", "first\n12345third\n1\ta\n2"],
  ["before the end of rows", "first\n12345third\n1\ta\n"],
  ["in the end of rows", "first\n12345third\n1\ta\n\\."],
  ["in the last line", "first\n12345third\n\\.\nlas"],
];
for (const [where, text] of cuts) {
  test(`readScript() says when it is cut ${where}`, async () => {
    for (const size of [1, 1000]) {
      await assert.rejects(readAll(text, size), /it ends before its end/);
    }
  });
}

test("readScript() takes no length that no text has", async () => {
  for (const length of [-1, 1.5, NaN, 2 ** 40]) {
    await assert.rejects(readScript(inPieces("text", 4)).text(length), /damaged/);
  }
});

const statements = [
  'COPY public."a\n;b" (id) FROM stdin;',
  `SELECT pg_catalog.setval('public."x;\n--"', 1, true);`,
  "CREATE FUNCTION f() AS $_$ one;\n\\. two;\n$_$;",
  'GRANT SELECT ON "-- x\n/* y" TO z;',
];
for (const size of [1, 3, 1000]) {
  test(`readScript() reads statements, whatever names and texts hold, in pieces of ${size}`, async () => {
    const text = `\\restrict abc\n--\n-- Name: a; b\n--\n\n${
      statements.join("\n\n")
    }\n-- end\n\\unrestrict abc\n`;
    const script = readScript(inPieces(text, size));
    const found: (string | null)[] = [];
    do found.push(await script.statement()); while (found.at(-1) !== null);
    assert.deepEqual(found, [...statements, null]);
    await assert.rejects(readScript(inPieces('COPY "a;\n', size)).statement(), /it ends before its end/);
  });
}

test("statementsIn() finds the statements that the server would, and refuses what ends within one", () => {
  const text = `-- a;\n${statements.join("\n--\n")}\n-- end`;
  assert.deepEqual(statementsIn(text).map((statement) => statement.text), statements);
  for (const cut of ["GRANT", 'GRANT "a;\n', "SELECT $$;"]) {
    assert.throws(() => statementsIn(cut), /before its end/);
  }
});
