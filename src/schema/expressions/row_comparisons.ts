/**
 * Writes out what compares whole rows as PostgreSQL does: `(a, b) = (1, 2)` column by column, `IN` of several rows row by
 * row. By `<` it compares them as they are.
 */
export function withoutRows(words: readonly string[]): readonly string[] {
  const made: string[] = [];
  for (let at = 0; at < words.length;) {
    const left = rowAt(words, at);
    const compared = left === null ? null : comparedRows(words, left);
    if (compared !== null) made.push(...compared.words);
    else if (words[at] !== "row" || words[at + 1] !== "(") made.push(words[at]!);
    at = compared?.end ?? at + 1;
  }
  return made;
}

interface Row {
  readonly columns: readonly (readonly string[])[];
  /** Where the words behind it begin. */
  readonly end: number;
}

/** Returns the row of several columns that begins at a word; `null` where none does: a function's parameters are none. */
function rowAt(words: readonly string[], start: number): Row | null {
  const isNamed = words[start] === "row";
  const open = isNamed ? start + 1 : start;
  if (words[open] !== "(" || (!isNamed && !opensRow.has(words[start - 1] ?? ""))) return null;
  const columns: string[][] = [[]];
  let depth = 0;
  for (let at = open; at < words.length; at++) {
    const word = words[at]!;
    depth += Number(word === "(") - Number(word === ")");
    if (depth === 0) {
      return columns.length < 2 || isQueryWord(columns[0]![0]) ? null : { columns, end: at + 1 };
    }
    if (depth === 1 && word === ",") columns.push([]);
    else if (at > open) columns.at(-1)!.push(word);
  }
  return null;
}

function comparedRows(words: readonly string[], left: Row): { words: readonly string[]; end: number } | null {
  const isNot = words[left.end] === "not";
  const at = left.end + Number(isNot);
  const right: Row[] = [];
  let end = at + 1;
  if (words[at] === "in" && words[end] === "(") {
    do {
      const row = rowAt(words, end + 1);
      if (row === null) return null;
      right.push(row);
      end = row.end;
    } while (words[end] === ",");
    end++;
  } else if (words[at] === "=" || words[at] === "<>") {
    const row = rowAt(words, end);
    if (row === null) return null;
    right.push(row);
    end = row.end;
  } else return null;
  if (right.some(({ columns }) => columns.length !== left.columns.length)) return null;
  const differs = isNot || words[at] === "<>";
  const rows = right.map(({ columns }) =>
    left.columns.flatMap((column, place) => [
      ...place === 0 ? [] : [differs ? "or" : "and"],
      ...column,
      differs ? "<>" : "=",
      ...columns[place]!,
    ])
  );
  const whole = rows.flatMap((row, place) => place === 0 ? row : [differs ? "and" : "or", ...row]);
  return { words: ["(", ...whole, ")"], end };
}

/** What a parenthesis stands behind that begins a row or an expression. */
const opensRow = new Set("( , = <> < > <= >= and or not where on having when then else select in".split(" "));

/** Says whether a word begins a query. */
export function isQueryWord(word: string | undefined): boolean {
  return /^(?:select|values|with)$/.test(word ?? "");
}
