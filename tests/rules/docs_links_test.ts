import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";

const pages = readdirSync(projectFile("."), { recursive: false, encoding: "utf8" })
  .filter((file) => file.endsWith(".md"))
  .concat(
    readdirSync(projectFile("docs"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".md")).map((file) => join("docs", file)),
  );

/** Returns the anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): readonly string[] {
  const text = readFileSync(projectFile(page), "utf8").replace(/^```[^]*?^```$/gm, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

test("every link of the pages leads to a file that is there, and to a heading in it", () => {
  const broken = pages.flatMap((page) => {
    const text = readFileSync(projectFile(page), "utf8").replace(/^```[^]*?^```$/gm, "");
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? page : join(dirname(page), path);
        if (!existsSync(projectFile(file))) return true;
        return anchor !== undefined && !anchorsOf(file).includes(anchor);
      })
      .map((target) => `${page}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

test("the README leads to every page of docs/", () => {
  const linked = readFileSync(projectFile("README.md"), "utf8");
  const own = pages.filter((page) => page.startsWith("docs/") && !page.startsWith("docs/bench/"));
  assert.deepEqual(own.filter((page) => !linked.includes(`(${page})`)), []);
});
