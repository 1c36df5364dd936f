import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { renderMetrics } from "../../src/verify/rules/prometheus.ts";
import { allChecks } from "../../src/verify/checks/all.ts";
import { rowRules } from "../../src/verify/rules/data_rules.ts";
import { metadataRules } from "../../src/profile/metadata_shape.ts";
import { openHarbor } from "../../src/profile/open_harbor.ts";
import { snapshotOf } from "../../src/history/revision_schema.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { projectFile } from "../support/project.ts";

const page = readFileSync(projectFile("docs/verify.md"), "utf8");

test("docs/verify.md has a section on every check, and no other", () => {
  const sections = [...page.matchAll(/^### (\w+)$/gm)].map((match) => match[1]);
  assert.deepEqual(sections, allChecks.map((check) => check.name));
});

test("docs/verify.md names every rule of the data check", () => {
  const [last] = readHistory(projectFile("drizzle"), "sqlite").revisions.slice(-1);
  const rules = snapshotOf(last!).tables.flatMap((table) =>
    rowRules(table, { dialect: "sqlite" }, openHarbor)
  ).map((
    rule,
  ) => rule.name);
  for (const name of new Set([...rules, ...Object.keys(metadataRules), "duplicates", "null_values"])) {
    assert.ok(page.includes(`\`${name}\``), name);
  }
});

test("docs/verify.md names every metric", () => {
  const at = "2025-11-22T03:15:00.000Z";
  const text = renderMetrics({
    database: "x",
    version: "0.1.0",
    at,
    ms: 1,
    isHealthy: true,
    checks: [{ check: "data", status: "pass", ms: 1, notChecked: 0 }],
    tables: [{ name: "files", rows: 1, bytes: 1 }],
    backup: { createdAt: at, bytes: 1 },
    deliveries: [{ to: "far", isDone: true, createdAt: at }],
  }, "");
  for (const [, name = ""] of text.matchAll(/^# TYPE (\S+)/gm)) assert.ok(page.includes(`\`${name}\``), name);
});
