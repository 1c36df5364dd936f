import { globSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Returns the modules that a path, or several, mean: of a folder the `index.ts` that exports all, else each in it; of a
 * pattern all that fit.
 *
 * @param folder From which the paths lead
 */
export function moduleFiles(folder: string, said: string | readonly string[]): readonly string[] {
  return [...new Set([said].flat().flatMap((each) => filesOf(folder, each)))];
}

/** What means nothing that is there stands for itself, so that whoever reads it says so. */
function filesOf(folder: string, said: string): readonly string[] {
  const path = resolve(folder, said);
  // The folder's own name is no pattern, whatever is in it.
  const isPattern = /[*?{[]/.test(said) && statSync(path, { throwIfNoEntry: false }) === undefined;
  const paths = isPattern
    ? globSync(said, { cwd: folder }).map((each) => resolve(folder, each)).sort()
    : [path];
  const found = paths.flatMap(inFolder);
  return found.length === 0 ? [path] : found;
}

function inFolder(path: string): readonly string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  const index = join(path, "index.ts");
  if (statSync(index, { throwIfNoEntry: false })?.isFile() === true) return [index];
  const files = readdirSync(path, { withFileTypes: true }).filter((each) => each.isFile());
  return files.map(({ name }) => join(path, name)).filter((each) => /\.[cm]?[jt]sx?$/.test(each)).sort();
}
