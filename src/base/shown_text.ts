/**
 * What would move a terminal's cursor, change its colours or the order of letters, or begin a line of its own. Names in
 * a database, paths and the messages of servers may hold it.
 */
const unshown =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Returns a text in which whatever does not show is written as an escape: `a\x1b[31mb\nc`. */
export function shownText(text: string): string {
  return text.replace(unshown, (character) => short[character] ?? escapeOf(character));
}

/** The same for a text whose lines and tabs stay as they are. */
export function shownLines(text: string): string {
  return text.replace(unshown, (character) => /[\n\t]/.test(character) ? character : escapeOf(character));
}

function escapeOf(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}

/**
 * Returns the JSON of a value in lines. Whole numbers that JavaScript and most readers of JSON would round are written
 * as text, and so are the numbers that JSON has no word for; what does not show is escaped.
 */
export function shownJson(value: unknown): string {
  return shownIn(JSON.stringify(value, exactly, 2));
}

/** The same in one line. */
export function shownJsonLine(value: unknown): string {
  return shownIn(JSON.stringify(value, exactly));
}

function shownIn(json: string): string {
  return json.replace(
    unshown,
    (character) =>
      character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function exactly(_key: string, value: unknown): unknown {
  const isNumber = typeof value === "bigint" || typeof value === "number" && !Number.isFinite(value);
  return isNumber ? String(value) : value;
}
