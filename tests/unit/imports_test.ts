import { stop, transform } from "esbuild";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";

/** What the files of a folder may import beside their own. */
const inward: Readonly<Record<string, readonly string[]>> = {
  core: [],
  db: ["core"],
  run: ["core", "db"],
  cli: ["core", "db", "run"],
};

/** The Node modules without effects, which alone `core` may import. */
const pureModules = ["node:crypto", "node:path", "node:util", "node:url"];

/** What no file but `main.ts` may use. */
const runtimes = ["process", "Deno", "Bun", "console"];

/** What no file of `core` may use either: its results depend on its arguments alone. */
const sources = ["Date.now", "performance", "Math.random", "crypto", "fetch", "setTimeout", "setInterval"];

const root = projectFile("src");
const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
const files = await Promise.all(paths.map(async (path) => {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, layer: path.split("/")[0] ?? "", globals: await globalsOf(text) };
}));
await stop();

test("the sources have all four layers", () => {
  assert.deepEqual(new Set(files.map((file) => file.layer)), new Set([...Object.keys(inward), "main.ts"]));
});

for (const { path, text, layer, globals } of files) {
  if (path !== "main.ts") {
    test(`src/${path} imports inward only`, () => {
      const allowed = [layer, ...inward[layer] ?? []];
      for (const imported of importsOf(text)) {
        if (imported.startsWith(".")) {
          const target = relative(root, join(root, dirname(path), imported)).split("/")[0] ?? "";
          assert.ok(allowed.includes(target), `${imported} points outward`);
        }
        assert.ok(!/^(node:)?process$/.test(imported), "it depends on the process");
        if (layer === "core" && imported.startsWith("node:")) {
          assert.ok(pureModules.includes(imported), `${imported} has effects`);
        }
      }
    });

    test(`src/${path} knows no runtime and no console`, () => {
      assert.deepEqual(globals.filter((name) => runtimes.includes(name)), []);
    });
  }

  if (layer === "core") {
    test(`src/${path} is pure`, () => {
      assert.deepEqual(globals, []);
      assert.doesNotMatch(text, /\bnew Date\(\)|\brandom(UUID|Bytes|Int)\(/);
    });
  }

  test(`src/${path} has no default export`, () => {
    assert.doesNotMatch(text, /^export default\b|^export \{[^}]*\bas default\b/m);
  });
}

test("the rules see what they forbid", async () => {
  const bad = [
    'import type { A } from "../cli/a.ts";',
    'export {\n  b,\n} from "./b.ts";',
    'import "node:process";',
    'const c = await import("../c.ts");',
    "const shadow = (process: string) => process.length + Date.now();",
    "Deno.exit(process.pid); // console.log()",
  ].join("\n");
  assert.deepEqual(importsOf(bad), ["../cli/a.ts", "./b.ts", "node:process", "../c.ts"]);
  assert.deepEqual(await globalsOf(bad), ["process", "Deno", "Date.now"]);
  await stop();
});

/** Returns what a file imports, types included, in the order of the text; the formatter settles how it is written. */
function importsOf(text: string): readonly string[] {
  const pattern = /^(?:import|export)\b[^;"]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** Returns which of the global names a file uses; esbuild replaces those only, not a variable of the same name. */
async function globalsOf(text: string): Promise<readonly string[]> {
  const names = [...runtimes, ...sources];
  const mark = (name: string) => `used_global_${name.replace(".", "_")}`;
  const define = Object.fromEntries(names.map((name) => [name, mark(name)]));
  const { code } = await transform(text, { loader: "ts", define, legalComments: "none" });
  return names.filter((name) => new RegExp(`\\b${mark(name)}\\b`).test(code));
}
