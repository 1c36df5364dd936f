import { HarborError } from "./errors.ts";
import { quoteForShell } from "./quote_shell.ts";

/** What is said of a file with the marks of a merge. */
export const markedState = "a merge left its marks in it";

/** How a line begins by which git parts the sides of a conflict, or what is left of one that was taken out by half. */
const mark = /^(?:<{7}|>{7})(?: |\r?$)/gm;

/** HEAD's lines, those of the common ancestor where git is told to say them, and the other branch's. */
const conflict =
  /^<{7}(?: [^\n]*)?\r?\n((?:[^\n]*\n)*?)(?:\|{7}(?: [^\n]*)?\r?\n(?:[^\n]*\n)*?)?={7}\r?\n((?:[^\n]*\n)*?)>{7}(?: [^\n]*)?(?:\r?\n|\r?$)/gm;

/** Returns where the marks of a merge stand in a text. */
export function markOffsets(text: string): readonly number[] {
  // Few texts have either, and many are long.
  if (!text.includes("<<<<<<<") && !text.includes(">>>>>>>")) return [];
  return Array.from(text.matchAll(mark), ({ index }) => index);
}

/** Returns the line of the first mark that a merge left in a text; `null` without one. */
export function markLine(text: string): number | null {
  const [offset] = markOffsets(text);
  return offset === undefined ? null : text.slice(0, offset).split("\n").length;
}

/** Returns the two texts that a merge could not make one of, HEAD's first. */
export function sidesOf(text: string): readonly [own: string, other: string] {
  return [text.replace(conflict, "$1"), text.replace(conflict, "$2")];
}

/** Says whether both sides of a conflict stand in a text. */
export function hasConflict(text: string): boolean {
  return markOffsets(text).length > 0 && sidesOf(text)[0] !== text;
}

/** Returns the remedy where only somebody who knows what both sides mean can tell. */
export function keepOneSide(path: string): string {
  return `Write what both sides mean, or keep one of them: git checkout --ours -- ${
    quoteForShell(path)
  }; or --theirs`;
}

/** Returns the error for a file with the marks of a merge of which `rebase` makes one again; `null` for any other. */
export function markedFile(path: string, text: string): HarborError | null {
  const line = markLine(text);
  if (line === null) return null;
  return new HarborError("bad_history", `Cannot read "${path}:${line}"`, {
    state: markedState,
    hint: "harbor-db rebase",
    details: { path, line },
  });
}
