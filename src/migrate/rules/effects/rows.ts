import { closing, commaParts, cursorAt, type SqlCursor, topLevel } from "../../../sql/cursor.ts";
import { isWord, type Token } from "../../../sql/lexer.ts";
import { namesIn, plainName } from "./names.ts";
import type { CopiedColumn, Copy, Effect } from "./effect.ts";

/** `UPDATE table SET …`. */
export function ofUpdate(cursor: SqlCursor): readonly Effect[] {
  const isForced = takeConflict(cursor);
  cursor.take("ONLY");
  const table = cursor.name();
  const rest = cursor.rest();
  // One that replaces other rows may change what they are known by.
  const columns = isForced ? [] : assigned(rest);
  const isFill = columns.length === 1 && fillsOnly(rest, columns[0]!);
  return [{ kind: "write", table, columns: columns.length > 0 ? columns : null, isFill }];
}

/** Passes over SQLite's `OR REPLACE` and its like; says whether it was there. */
export function takeConflict(cursor: SqlCursor): boolean {
  if (!cursor.take("OR")) return false;
  cursor.name();
  return true;
}

/** `DELETE FROM table …`. */
export function ofDelete(cursor: SqlCursor): readonly Effect[] {
  cursor.take("FROM");
  cursor.take("ONLY");
  return [{ kind: "fewer rows", table: cursor.name() }];
}

/** `TRUNCATE table, …`. */
export function ofTruncate(cursor: SqlCursor): readonly Effect[] {
  cursor.take("TABLE");
  cursor.take("ONLY");
  return namesIn(cursor).map((table) => ({ kind: "fewer rows", table }));
}

/** `INSERT INTO table …`; `isForced` where it may replace rows. */
export function ofInsert(cursor: SqlCursor, isForced: boolean): readonly Effect[] {
  cursor.take("INTO");
  const table = cursor.name();
  const rest = cursor.rest();
  if (isForced || topLevel(rest).some((token) => isWord(token, "CONFLICT"))) {
    return [
      { kind: "more rows", table },
      { kind: "fewer rows", table },
      { kind: "write", table, columns: null, isFill: false },
    ];
  }
  return [copyOf(table, rest) ?? { kind: "more rows", table }];
}

/** `MERGE INTO table USING … WHEN MATCHED THEN UPDATE SET … WHEN …`. */
export function ofMerge(cursor: SqlCursor): readonly Effect[] {
  cursor.take("INTO");
  cursor.take("ONLY");
  const table = cursor.name();
  const outer = topLevel(cursor.rest());
  return outer.flatMap((token, place): readonly Effect[] => {
    if (!isWord(outer[place - 1], "THEN")) return [];
    if (isWord(token, "DELETE")) return [{ kind: "fewer rows", table }];
    if (isWord(token, "INSERT")) return [{ kind: "more rows", table }];
    if (!isWord(token, "UPDATE")) return [];
    const rest = outer.slice(place);
    const end = rest.findIndex((each) => isWord(each, "WHEN"));
    const columns = assigned(end < 0 ? rest : rest.slice(0, end));
    return [{ kind: "write", table, columns: columns.length > 0 ? columns : null, isFill: false }];
  });
}

/** `("a", "b") SELECT "a", coalesce("b", …) FROM "table"`. */
function copyOf(table: string, tokens: readonly Token[]): Copy | null {
  const outer = topLevel(tokens);
  const select = tokens.findIndex((token) => isWord(token, "SELECT"));
  const from = outer.find((token) => isWord(token, "FROM"));
  if (tokens[0]?.text !== "(" || select < 0 || from === undefined) return null;
  const names = commaParts(tokens.slice(1, select - 1)).map(([token]) => plainName(token));
  const values = commaParts(tokens.slice(select + 1, tokens.indexOf(from)));
  if (names.length !== values.length) return null;
  const behind = cursorAt(tokens.slice(tokens.indexOf(from) + 1));
  const source = behind.name();
  const columns = names.map((column, place): CopiedColumn => {
    const value = values[place]!;
    const isFilled = isWord(value[0], "COALESCE") && plainName(value[2]) === column &&
      value[3]?.text === "," && closing(value, 1) === value.length - 1;
    const isPlain = value.every(({ kind, text }) => kind === "name" || kind === "word" || text === ".");
    const isName = isPlain && (value.length === 1 || value[1]?.text === ".") && !/^\d/.test(value[0]!.text);
    return {
      column,
      from: isFilled ? column : isName ? plainName(value.at(-1)) : null,
      isFilled,
    };
  });
  const isWhole = behind.rest().length === 0 && !isWord(tokens[select + 1], "DISTINCT");
  return { kind: "copy", table, source, columns, isWhole };
}

/** The columns behind SET; none where its list does not tell. */
function assigned(tokens: readonly Token[]): readonly string[] {
  const outer = topLevel(tokens);
  const end = outer.find((token) => isWord(token, "WHERE") || isWord(token, "FROM"));
  const set = tokens.findIndex((token) => isWord(token, "SET"));
  const list = commaParts(tokens.slice(set + 1, end === undefined ? undefined : tokens.indexOf(end)));
  return list.flatMap((part) => {
    // `(a, b) = (…)` gives several at once.
    const close = part[0]?.text === "(" ? closing(part, 0) : 0;
    if (part[close + 1]?.text !== "=") return [];
    return (close === 0 ? part.slice(0, 1) : part.slice(1, close).filter(({ text }) => text !== ","))
      .map((token) => plainName(token));
  });
}

/** `… WHERE "column" IS NULL`. */
function fillsOnly(tokens: readonly Token[], column: string): boolean {
  const where = tokens.findIndex((token) => isWord(token, "WHERE"));
  const condition = tokens.slice(where + 1);
  return where >= 0 && condition.length === 3 && plainName(condition[0]) === column &&
    isWord(condition[1], "IS") && isWord(condition[2], "NULL");
}
