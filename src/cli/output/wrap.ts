import { once } from "../../base/once_for.ts";

/**
 * Commands and statements inside of a sentence, which are pasted: they stay in one piece. A program's ends where the
 * sentence goes on behind a comma or bracket; in SQL those are its own.
 */
const pasted = once(() =>
  new RegExp(
    "(?<=^|[\\s(]|\\x1b\\[\\d+m)(?:" + [
      "(?:harbor-db|sqlite3|psql|createuser|createdb|git|mkdir|rm|chown|chmod|ls|readlink|sudo|systemctl|loginctl|crontab|dmesg|unset) " +
      "(?:'[^']*'|.)*?" +
      "(?=[,;] |\\. [A-Z]| \\(|\\)|$)",
      "(?:SELECT|UPDATE|DELETE|INSERT|ALTER|CREATE|DROP|GRANT|REVOKE|REINDEX|VACUUM) .*?" +
      "(?=; [a-z]|\\. [A-Z]|, (?:or|and|then) |$)",
      "--[a-z-]+ (?:'[^']*'|\"[^\"]*\"|[^\\s,;]+)",
    ].join("|") + ")",
    "g",
  )
);

/** A change of colour, as a report renders it. */
// deno-lint-ignore no-control-regex
const paint = /\x1b\[\d+m/g;

/** The letters of East Asia and pictures, which take two places. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\u{1f300}-\u{1faff}]/gu;

/**
 * Breaks a line of text between words so that it fits a terminal; what is to be pasted stays whole, even where it does
 * not fit.
 *
 * @param text As it is printed, with or without colours
 * @param width In places; without one nothing is broken
 * @param hang How far the lines after the first are indented; behind a label at the beginning unless told
 */
export function wrap(text: string, width: number | undefined, hang?: number): string {
  if (width === undefined || placesOf(text) <= width) return text;
  const indent = hang ?? hangOf(text);
  // No text that is printed has a NUL.
  const [first = "", ...words] = text.replace(pasted(), (whole) => whole.replaceAll(" ", "\0")).split(" ");
  const lines: string[] = [];
  let line = first;
  for (const word of words) {
    const isFull = word !== "" && placesOf(line) + 1 + placesOf(word) > width;
    if (isFull && placesOf(line) >= indent && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = " ".repeat(indent) + word;
    } else line += ` ${word}`;
  }
  return [...lines, line].join("\n").replaceAll("\0", " ");
}

/** Returns where the text begins behind a label and two blanks, or an indentation. */
function hangOf(text: string): number {
  return /^(?:\S.{0,12}? {2,}| *)/.exec(text.replace(paint, ""))![0].length;
}

/** Returns about how many places a text takes: a library that knows takes longer to load than all else of a start. */
export function placesOf(text: string): number {
  const plain = text.replace(paint, "");
  if (/^[ -~\0]*$/.test(plain)) return plain.length;
  return [...plain.replace(/\p{M}/gu, "")].length + (plain.match(wide)?.length ?? 0);
}
