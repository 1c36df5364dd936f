import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { directives } from "../../src/history/scripts/directives.ts";
import { parseScript } from "../../src/history/scripts/script.ts";
import { projectFile } from "../support/project.ts";

const page = readFileSync(projectFile("docs/directives.md"), "utf8");
const sections = page.split(/^## /m).slice(1);

test("docs/directives.md has a section for each directive", () => {
  assert.deepEqual(
    sections.map((section) => /^`harbor:(\w+)`/.exec(section)?.[1]).toSorted(),
    Object.keys(directives).toSorted(),
  );
});

for (const section of sections) {
  const [title = ""] = section.split("\n", 1);
  test(`the example of ${title} is read as a script`, () => {
    const text = /```sql\n([\s\S]*?)```/.exec(section)![1]!;
    const { statements } = parseScript({ file: "example.sql", dialect: "postgresql", text });
    assert.equal(statements.length, 1);
    const [{ run, allowed }] = statements as [typeof statements[number]];
    assert.ok(run.kind !== "transaction" || allowed.length === 1, "the directive did nothing");
  });
}
