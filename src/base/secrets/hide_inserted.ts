import { behindText, called, gap } from "./words.ts";

/** What is looked for where a text may hold a secret, made when the first does. */
let made: ReturnType<typeof patterns> | undefined;

const patterns = () => ({
  /** What stands before the rows of an INSERT, or before the values that it selects, with its columns where it names them. */
  head: new RegExp(
    String.raw`\b(?:insert${gap}+(?:or${gap}+\w+${gap}+)?|replace${gap}+)into${gap}[^()'$]{1,300}?` +
      String.raw`(?:\(((?:${gap}|[^()'\s/-]|/(?!\*)|-(?!-)){1,4000})\)${gap}*)?` +
      String.raw`(?:overriding\s+\w+\s+value${gap}+)?\b(?:values${gap}*(?=\()|(select)\b)`,
    "gi",
  ),
  /** What stands between two rows. */
  between: new RegExp(String.raw`(?:${gap}|\))*(?:,${gap}*(?=\())?`, "y"),
  /** What stands between two lists of values that are selected. */
  union: new RegExp(String.raw`${gap}{0,100}union${gap}+(?:all${gap}+)?select\b`, "iy"),
  comments: new RegExp(String.raw`(?!\s)${gap}`, "g"),
});

/** A text as SQL writes it, or a comment. One may lack its end. */
const quoted =
  /--.*|\/\*[^]*?\*\/|e'(?:[^'\\]|''|\\[^])*(?:'|$)|'(?:[^']|'')*(?:'|$)|(\$\w*\$)[^]*?(?:\1|$)/iy;
/** The same in the text of code. */
const quotedInText = /''(?:[^']|''''|'(?!'))*?(?:''(?!'')|$)/iy;

const secretName = new RegExp(`^["'\`]*[\\w.-]*${called}["'\`]*${behindText}$`, "i");
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
  const { head, between, union, comments } = made ??= patterns();
  for (const found of sql.matchAll(head)) {
    if (found.index < read) continue;
    const isSelected = found[2] !== undefined;
    const columns = (found[1] ?? "").replaceAll(comments, "").split(",").map((column) =>
      isSecretName(column.trim())
    );
    let at = found.index + found[0].length;
    while (isSelected ? at >= 0 : sql[at] === "(") {
      const values = valuesFrom(sql, isSelected ? at : at + 1, isSelected);
      for (const [place, { start, end }] of values.entries()) {
        const [before, value] = [values[place - 1], sql.slice(start, end)];
        const isBehindName = before !== undefined && isSecretName(sql.slice(before.start, before.end)) &&
          !isSecretName(value);
        const isText = /['$]/.test(value) && !/^\$\d+$/.test(value);
        if (!isText || !columns[place] && !isBehindName) continue;
        shown += sql.slice(done, start) + hide(value);
        done = end;
      }
      const { end } = values.at(-1)!;
      if (isSelected) {
        read = end;
        at = nextSelect(sql, end, union);
      } else {
        between.lastIndex = end;
        at = end + between.exec(sql)![0].length;
        read = at;
      }
    }
  }
  return shown + sql.slice(done);
}

/**
 * Returns an SQL text with something else in the place of each text that an UPDATE sets where its condition, or a `WHEN`, names a secret:
 * `SET value = 'x' WHERE name = 'smtp_password'`.
 *
 * @param hide Returns that for a value
 */
export function hideUpdated(sql: string, hide: (value: string) => string): string {
  let shown = "";
  let done = 0;
  let read = 0;
  for (const found of sql.matchAll(/\bupdate\b[^;'$]{1,300}?\bset\b/gi)) {
    if (found.index < read) continue;
    const { set, isNamed, end } = assignedFrom(sql, found.index + found[0].length);
    read = end;
    for (const value of isNamed ? set : []) {
      shown += sql.slice(done, value.start) + hide(sql.slice(value.start, value.end));
      done = value.end;
    }
  }
  return shown + sql.slice(done);
}

/** Returns which texts an UPDATE sets, but for names of secrets, whether it names one, and where it ends. */
function assignedFrom(
  sql: string,
  from: number,
): { readonly set: readonly Value[]; readonly isNamed: boolean; readonly end: number } {
  const text = textsFrom(sql, from);
  const set: Value[] = [];
  let [isNamed, isCondition, isAsked, word, at] = [false, false, false, "", from];
  while (at < sql.length && sql[at] !== ";") {
    text.lastIndex = at;
    const value = text.exec(sql)?.[0] ?? "";
    const end = at + Math.max(1, value.length);
    if (value.length <= 1 && /\w/.test(sql[at]!)) word = `${word}${sql[at]}`.slice(-20);
    else {
      // In quotes it is a name.
      const keyword = /["`\]]/.test(sql[at]!) ? "" : word.toLowerCase();
      word = "";
      isCondition ||= keyword === "where";
      isAsked = keyword === "when" || (isAsked && keyword !== "then");
      const isText = value.length > 1 && !/^(?:--|\/\*)/.test(value);
      if (isText && isSecretName(value.replaceAll("''", "'"))) isNamed ||= isCondition || isAsked;
      else if (isText && !isCondition && !isAsked) set.push({ start: at, end });
    }
    at = end;
  }
  return { set, isNamed, end: at };
}

interface Value {
  readonly start: number;
  readonly end: number;
}

/** Returns what reads a text of SQL's, as it is written behind a place. */
function textsFrom(sql: string, from: number): RegExp {
  // Behind an empty text there may also be the end of its statement, a type or something to put behind it.
  return /^[^']{0,1000}''(?!::|\|\|)[^\s',);]/.test(sql.slice(from, from + 1_100)) ? quotedInText : quoted;
}

/** Returns where the values of the next SELECT of a UNION begin; -1 where there is none. */
function nextSelect(sql: string, from: number, union: RegExp): number {
  const text = textsFrom(sql, from);
  for (let at = from; at < sql.length && sql[at] !== ";";) {
    union.lastIndex = at;
    if (union.test(sql)) return union.lastIndex;
    text.lastIndex = at;
    at += Math.max(1, text.exec(sql)?.[0].length ?? 1);
  }
  return -1;
}

/** What a list of values that are selected ends at. */
const behindSelected =
  /\b(?:from|where|union|intersect|except|group|having|window|order|limit|offset|on|returning)\b/iy;

/**
 * Returns where the values of a row stand, without the blanks around them; at least one.
 *
 * @param isSelected Whether they end with a word, and not with a parenthesis
 */
function valuesFrom(sql: string, from: number, isSelected: boolean): readonly Value[] {
  const text = textsFrom(sql, from);
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
      behindSelected.lastIndex = at;
      if (sql[at] === "(") depth++;
      else if (sql[at] === ")") depth--;
      else if (isSelected && depth === 0 && (sql[at] === ";" || behindSelected.test(sql))) depth = -1;
      if (depth < 0 || sql[at] === "," && depth === 0) add(at);
    }
    at += length;
  }
  if (depth >= 0) add(sql.length);
  return values;
}
