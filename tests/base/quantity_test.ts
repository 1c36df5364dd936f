import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, formatBytes, formatCount, formatDuration, parseDuration } from "../../src/base/quantity.ts";

// Where one unit ends and the next begins.
const durations = [
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1_000, "1.0 s"],
  [9_949, "9.9 s"],
  [9_500, "9.5 s"],
  [10_000, "10 s"],
  [59_499, "59 s"],
  [60_000, "1 min"],
  [61_000, "1 min 1 s"],
  [3_599_000, "59 min 59 s"],
  [3_600_000, "1 h"],
  [172_740_000, "47 h 59 min"],
  [172_800_000, "2 d"],
  [176_400_000, "2 d 1 h"],
] as const;
for (const [ms, text] of durations) {
  test(`formatDuration(${ms}) is "${text}"`, () => assert.equal(formatDuration(ms), text));
}

const sizes = [
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [9_949, "9.9 kB"],
  [10_400, "10 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [2_500_000_000_000, "2.5 TB"],
  [5_000_000_000_000_000, "5000 TB"],
] as const;
for (const [bytes, text] of sizes) {
  test(`formatBytes(${bytes}) is "${text}"`, () => assert.equal(formatBytes(bytes), text));
}

test("formatCount() puts blanks that break no line between thousands", () => {
  assert.deepEqual([0, 12, 1_234, 123_456, 1_234_567].map(formatCount), [
    "0",
    "12",
    "1\u00a0234",
    "123\u00a0456",
    "1\u00a0234\u00a0567",
  ]);
});

test("counted() says one of a thing otherwise than many", () => {
  assert.deepEqual([0, 1, 300_022].map((count) => counted(count, "row")), [
    "0 rows",
    "1 row",
    "300\u00a0022 rows",
  ]);
  assert.equal(counted(2, "batch", "batches"), "2 batches");
});

// One row a text: milliseconds, or nothing.
const texts = [
  [" 15m ", 900_000],
  ["0", 0],
  ["0.5s", 500],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  [".5s", undefined],
  ["1.s", undefined],
  ["5 m", undefined],
  ["5M", undefined],
  ["1e3", undefined],
  ["∞", undefined],
] as const;
for (const [text, ms] of texts) {
  test(`parseDuration("${text}") is ${ms}`, () => assert.equal(parseDuration(text), ms));
}
