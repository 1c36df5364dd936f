import { transform } from "esbuild";
import { readFileSync } from "node:fs";
import { projectFile } from "../../tests/support/project.ts";

/** A change to the sources that could cost somebody data, and the tests that have to see it. */
export interface Mutant {
  /** Below `src/`. */
  readonly file: string;
  /** A text that stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** What would happen to whoever ran it. */
  readonly danger: string;
  /** Below `tests/`. */
  readonly tests: readonly string[];
  /** A pattern for the names of those tests that are enough; left out, all of them run. */
  readonly filter?: string;
  /** Whether the tests meet PostgreSQL. */
  readonly postgres?: boolean;
  /** Why no test can see it; one that lives without an explanation fails the run. */
  readonly explained?: string;
}

/** Says why a change cannot be made, or would be seen by nothing but the parser; `null` when it can. */
export async function faultOf(mutant: Mutant): Promise<string | null> {
  const text = readFileSync(projectFile(`src/${mutant.file}`), "utf8");
  const count = text.split(mutant.find).length - 1;
  if (count !== 1) return `Cannot change "${titleOf(mutant)}": its text stands ${count} times in the file`;
  const parsed = transform(changed(text, mutant), { loader: "ts" });
  return await parsed.then(
    () => null,
    () => `Cannot change "${titleOf(mutant)}": what comes out is no TypeScript`,
  );
}

/** Returns a file's text with the change in it. */
export function changed(text: string, { find, replace }: Mutant): string {
  return text.replace(find, () => replace);
}

/** What it is called in what is printed. */
export function titleOf({ file, danger }: Mutant): string {
  return `${file}: ${danger}`;
}
