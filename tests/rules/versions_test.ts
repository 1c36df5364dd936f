import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";

const read = (path: string) => readFileSync(projectFile(path), "utf8");
const { version } = JSON.parse(read("package.json")) as { version: string };

test("package.json, its lock file, the page and the changelog name one version", () => {
  const lock = JSON.parse(read("package-lock.json")) as {
    version: string;
    packages: { "": { version: string } };
  };
  // What is not released yet stands above what is.
  const [, newest = "", date = ""] = /^## (\d\S*) \((.*)\)$/m.exec(read("CHANGELOG.md")) ?? [];
  const [, page = ""] = /harbor-db_(\d[\d.]*)_amd64\.deb/.exec(read("README.md")) ?? [];
  assert.deepEqual([lock.version, lock.packages[""].version, newest, page], Array(4).fill(version));
  assert.match(date, /^\d{4}-\d\d-\d\d$/);
});
