import assert from "node:assert/strict";
import { test } from "node:test";
import { shareParts } from "../../src/cli/output/progress.ts";
import { openStatusLine } from "../../src/cli/output/status_line.ts";

/** A screen with a clock, and what was written to it. */
function screen(columns: number, isTerminal = true) {
  const written: string[] = [];
  const at = { ms: 0, columns };
  const sink = {
    isTerminal,
    get columns() {
      return at.columns;
    },
    write: (text: string) => {
      written.push(text);
    },
  };
  return { at, written, line: openStatusLine(sink, () => at.ms) };
}

test("a status line drops what does not fit, from its end, and cuts the rest", () => {
  const { line, written } = screen(20);
  line.progress("a", ["copying, 12 %", "3 s left"], 0);
  line.progress("b", ["copying", "12 rows", "3 s left"], 0);
  line.progress("c", ["a table with a long name"], 0);
  assert.deepEqual(written, [
    "\r\x1b[Jcopying, 12 %",
    "\r\x1b[Jcopying, 12 rows",
    "\r\x1b[Ja table with a lon…",
  ]);
});

test("a status line that a narrower terminal has broken in two goes as a whole", () => {
  const { at, line, written } = screen(40);
  line.progress("a", ["x".repeat(30)], 0);
  at.columns = 20;
  line.clear();
  line.clear();
  assert.deepEqual(written.slice(1), ["\x1b[1A\r\x1b[J"]);
});

test("a terminal is written to ten times a second at most, but at once about something else", () => {
  const { at, line, written } = screen(40);
  for (at.ms = 0; at.ms < 250; at.ms += 10) line.progress("copy", [`${at.ms}`], at.ms);
  line.progress("proof", ["proof"], at.ms);
  assert.deepEqual(written.map((text) => text.slice(4)), ["0", "100", "200", "proof"]);
});

test("a log gets whole lines, after a second and then every ten", () => {
  const { at, line, written } = screen(20, false);
  line.doing("connecting", false);
  for (at.ms = 0; at.ms < 25_000; at.ms += 100) {
    line.progress("copy", ["copying", `${at.ms} ms of a lot`], at.ms);
  }
  assert.deepEqual(written, [1_000, 11_000, 21_000].map((ms) => `copying, ${ms} ms of a lot\n`));
});

test("progress says after a second for how long it goes on already, and how long it still will", () => {
  const parts = (share: number, elapsedMs: number) =>
    shareParts({ work: "backup", action: "copying", share, elapsedMs }).join(", ");
  assert.equal(parts(0.5, 500), "backup: copying, 50 %");
  assert.equal(parts(0, 12_000), "backup: copying, 0 % in 12 s");
  assert.equal(parts(0.5, 12_000), "backup: copying, 50 % in 12 s, 12 s left");
  assert.equal(parts(1, 90_000), "backup: copying, 99 % in 1 min 30 s, 1 s left");
});
