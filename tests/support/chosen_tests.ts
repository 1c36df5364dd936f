import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { projectFile } from "./project.ts";

/** Returns the paths that arguments mean: a room's name is its folder of tests. None means all of them. */
export function chosenPaths(given: readonly string[]): readonly string[] {
  const paths = given.filter((argument) => !argument.startsWith("-"));
  if (paths.length === 0) return [projectFile("tests")];
  return paths.map((path) => {
    const room = projectFile(join("tests", path));
    return !path.includes("/") && existsSync(room) ? room : path;
  });
}

/** Says whether some of the tests at these paths reach a file by their imports. */
export function reach(paths: readonly string[], file: string): boolean {
  const target = projectFile(file);
  const seen = new Set<string>();
  const visit = (path: string): boolean => {
    if (path === target) return true;
    if (seen.has(path) || !existsSync(path)) return false;
    seen.add(path);
    return importsOf(path).some(visit);
  };
  return paths.flatMap(filesAt).some(visit);
}

/** Returns the full paths of the files with tests at a path. */
export function filesAt(path: string): readonly string[] {
  const full = resolve(path);
  if (!existsSync(full) || !statSync(full).isDirectory()) return [full];
  return readdirSync(full, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("_test.ts")).map((name) => join(full, name));
}

function importsOf(path: string): readonly string[] {
  const found = readFileSync(path, "utf8").matchAll(/\b(?:from|import\()\s*"(\.[^"]+)"/g);
  return [...found].map((match) => resolve(dirname(path), match[1]!));
}
