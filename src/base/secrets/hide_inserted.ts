import { called, gap } from "./words.ts";

/** What is looked for where a text may hold a secret, made when the first does. */
let made: ReturnType<typeof patterns> | undefined;

const patterns = () => ({
  /** What stands before the rows of an INSERT, with its columns where it names them. */
  head: new RegExp(
    String.raw`\b(?:insert${gap}+(?:or${gap}+\w+${gap}+)?|replace${gap}+)into${gap}[^()'$]{1,300}?` +
      String.raw`(?:\(((?:${gap}|[^()'\s/-]|/(?!\*)|-(?!-)){1,4000})\)${gap}*)?` +
      String.raw`(?:overriding\s+\w+\s+value${gap}+)?\bvalues${gap}*(?=\()`,
    "gi",
  ),
  /** What stands between two rows. */
  between: new RegExp(String.raw`(?:${gap}|\))*(?:,${gap}*(?=\())?`, "y"),
  comments: new RegExp(String.raw`(?!\s)${gap}`, "g"),
});

/** A text as SQL writes it, or a comment. One may lack its end. */
const quoted =
  /--.*|\/\*[^]*?\*\/|e'(?:[^'\\]|''|\\[^])*(?:'|$)|'(?:[^']|'')*(?:'|$)|(\$\w*\$)[^]*?(?:\1|$)/iy;
/** The same in the text of code. */
const quotedInText = /''(?:[^']|''''|'(?!'))*?(?:''(?!'')|$)/iy;

const secretName = new RegExp(`^["'\`]*[\\w.-]*${called}["'\`]*$`, "i");
const isSecretName = (text: string) => text.length <= 100 && secretName.test(text);

/**
 * Returns an SQL text with something else in the place of each value that an INSERT gives to a column which is called as a secret, or that
 * stands in its row behind such a name, as in a table of settings.
 *
 * @param hide Returns that for a value
 */
export function hideInserted(sql: string, hide: (value: string) => string): string {
  let shown = "";
  let done = 0;
  let read = 0;
  const { head, between, comments } = made ??= patterns();
  for (const found of sql.matchAll(head)) {
    if (found.index < read) continue;
    const columns = (found[1] ?? "").replaceAll(comments, "").split(",").map((column) =>
      isSecretName(column.trim())
    );
    for (let at = found.index + found[0].length; sql[at] === "(";) {
      const values = valuesFrom(sql, at + 1);
      for (const [place, { start, end }] of values.entries()) {
        const [before, value] = [values[place - 1], sql.slice(start, end)];
        const isBehindName = before !== undefined && isSecretName(sql.slice(before.start, before.end)) &&
          !isSecretName(value);
        const isText = /['$]/.test(value) && !/^\$\d+$/.test(value);
        if (!isText || !columns[place] && !isBehindName) continue;
        shown += sql.slice(done, start) + hide(value);
        done = end;
      }
      between.lastIndex = values.at(-1)!.end;
      at = values.at(-1)!.end + between.exec(sql)![0].length;
      read = at;
    }
  }
  return shown + sql.slice(done);
}

interface Value {
  readonly start: number;
  readonly end: number;
}

/** Returns where the values of a row stand, without the blanks around them; at least one. */
function valuesFrom(sql: string, from: number): readonly Value[] {
  const isInText = /^[^']{0,1000}''[^\s',)]/.test(sql.slice(from, from + 1_100));
  const text = isInText ? quotedInText : quoted;
  const values: Value[] = [];
  let [start, depth, at] = [from, 0, from];
  const add = (end: number) => {
    const value = sql.slice(start, end);
    const first = start + value.length - value.trimStart().length;
    values.push({ start: first, end: Math.max(first, start + value.trimEnd().length) });
    start = end + 1;
  };
  while (at < sql.length && depth >= 0) {
    text.lastIndex = at;
    const length = text.exec(sql)?.[0].length ?? 1;
    if (length === 1) {
      if (sql[at] === "(") depth++;
      else if (sql[at] === ")") depth--;
      if (depth < 0 || sql[at] === "," && depth === 0) add(at);
    }
    at += length;
  }
  if (depth >= 0) add(sql.length);
  return values;
}
