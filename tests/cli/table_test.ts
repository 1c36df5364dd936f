import assert from "node:assert/strict";
import { test } from "node:test";
import { renderTable } from "../../src/cli/output/table.ts";

const rule = (column: string, cells: readonly string[]) =>
  renderTable([column, "end"], cells.map((cell) => [cell, "|"])).split("\n");

test("renderTable() makes columns as wide as their widest cell", () => {
  assert.deepEqual(rule("name", ["a", "longer than it"]), [
    "name            end",
    "a               |",
    "longer than it  |",
  ]);
});

test("renderTable() leaves no blanks at the end of a line", () => {
  assert.equal(renderTable(["a", "b"], [["1", ""], ["", ""]]), "a  b\n1\n");
});

test("renderTable() counts places on a terminal, not characters", () => {
  const cells = ["\x1b[1mbold\x1b[22m", "日本語", "café", "cafe\u0301", "🚢", "Größe"];
  assert.deepEqual(rule("name", cells).map((line) => line.slice(0, line.search(/end|\|/))), [
    "name    ",
    "\x1b[1mbold\x1b[22m    ",
    "日本語  ",
    "café    ",
    "cafe\u0301    ",
    "🚢      ",
    "Größe   ",
  ]);
});

test("renderTable() takes time in proportion to the rows", () => {
  const table = (count: number) => Array.from({ length: count }, (_, index) => [String(index), "name"]);
  const time = (count: number) => {
    const rows = table(count);
    const started = performance.now();
    renderTable(["revision", "name"], rows);
    return performance.now() - started;
  };
  time(1_000);
  assert.ok(time(50_000) < 20_000);
});

const backups = [
  ["openharbor-20261122T170752209Z-5b09ebe23c76", "\x1b[31mNOT WHOLE\x1b[39m", "before an upgrade"],
  ["b", "opened", "by hand"],
];

test("renderTable() breaks the widest columns between words where a terminal is narrow", () => {
  assert.deepEqual(renderTable(["backup", "proven", "made for"], backups, 64).split("\n"), [
    "backup                                       proven    made for",
    "openharbor-20261122T170752209Z-5b09ebe23c76  \x1b[31mNOT\x1b[39m       before an",
    `${" ".repeat(45)}\x1b[31mWHOLE\x1b[39m     upgrade`,
    "b                                            opened    by hand",
  ]);
});

test("renderTable() puts columns below the others where breaking them is not enough", () => {
  const text = renderTable(["backup", "proven", "made for"], backups, 50);
  assert.deepEqual(text.split("\n"), [
    "backup",
    "    proven     made for",
    "openharbor-20261122T170752209Z-5b09ebe23c76",
    "    \x1b[31mNOT WHOLE\x1b[39m  before an upgrade",
    "b",
    "    opened     by hand",
  ]);
});
