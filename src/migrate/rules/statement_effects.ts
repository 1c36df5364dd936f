import { foldName } from "../../base/fold_name.ts";
import type { Dialect } from "../../base/dialect.ts";
import { onceForText } from "../../base/once_for.ts";
import { closing, commaParts, tokensOf, topLevel } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";
import { nameIn } from "../../sql/table_names.ts";

/** What a statement does to tables, columns and what is in them, as far as its text tells. */
export type Effect =
  /** A table is made, without rows; `isCertain` unless it may have been there. */
  | { readonly kind: "make"; readonly table: string; readonly isCertain: boolean }
  | { readonly kind: "drop"; readonly table: string }
  | { readonly kind: "rename"; readonly table: string; readonly to: string }
  /** A schema gets another name, or goes with all that is in it (`null`). */
  | { readonly kind: "rename schema"; readonly schema: string; readonly to: string | null }
  /** `isNull`: every row has NULL in it. */
  | OnColumn<"add column"> & { readonly isNull: boolean }
  | OnColumn<"drop column">
  | OnColumn<"rename column"> & { readonly to: string }
  /** Columns get values; `null` stands for all of them. `isFill`: where they have none. */
  | {
    readonly kind: "write";
    readonly table: string;
    readonly columns: readonly string[] | null;
    readonly isFill: boolean;
  }
  | { readonly kind: "more rows" | "fewer rows"; readonly table: string }
  /** Rows come from another table. */
  | Copy
  /** It may do anything. */
  | { readonly kind: "hidden" };

interface OnColumn<Kind extends string> {
  readonly kind: Kind;
  readonly table: string;
  readonly column: string;
}

/** `INSERT INTO table (…) SELECT … FROM source`. */
export interface Copy {
  readonly kind: "copy";
  readonly table: string;
  readonly source: string;
  readonly columns: readonly CopiedColumn[];
  /** Whether all rows come. */
  readonly isWhole: boolean;
}

/** A column of a copy. */
export interface CopiedColumn {
  readonly column: string;
  /** The column that it is taken from as it is, or filled where that has none; `null` for one that is worked out. */
  readonly from: string | null;
  readonly isFilled: boolean;
}

/** Statements that change neither rows nor what a column is called. */
const harmless = new Set(
  "COMMENT SET RESET SHOW PRAGMA ANALYZE VACUUM REINDEX CLUSTER LOCK GRANT REVOKE BEGIN COMMIT REFRESH EXPLAIN"
    .split(" "),
);

/** Reads out of a statement what it does. */
export const effectsOf = onceForText((sql: string, dialect: Dialect): readonly Effect[] =>
  effectsIn(
    tokensOf(sql, dialect).filter(({ kind, text }) => kind !== "sign" || text !== ";"),
    dialect,
  )
);

function effectsIn(tokens: readonly Token[], dialect: Dialect): readonly Effect[] {
  const cursor = cursorOf(tokens, dialect);
  const first = tokens[0]?.text.toUpperCase() ?? "";
  cursor.take(first);
  if (first === "CREATE") return ofCreate(cursor);
  if (first === "DROP") return ofDrop(cursor);
  if (first === "ALTER") return cursor.take("TABLE") ? ofAlter(cursor) : ofSchema(cursor);
  if (first === "UPDATE") return ofUpdate(cursor);
  if (first === "DELETE") return ofDelete(cursor);
  if (first === "TRUNCATE") return ofTruncate(cursor);
  if (first === "INSERT") return ofInsert(cursor, takeConflict(cursor));
  if (first === "REPLACE") return ofInsert(cursor, true);
  if (first === "MERGE") return ofMerge(cursor);
  if (first === "WITH") return ofWith(cursor);
  return harmless.has(first) || first === "" ? [] : [{ kind: "hidden" }];
}

/** The names that a statement drops which are neither tables nor columns: views, triggers, functions. */
export function droppedObjects(sql: string, dialect: Dialect): readonly string[] {
  const tokens = tokensOf(sql, dialect);
  if (!isWord(tokens[0], "DROP") || isWord(tokens[1], "TABLE")) return [];
  return tokens.slice(1).flatMap((token) => nameOf(token) ?? []);
}

/** The types that a statement drops with the columns that have them: `DROP TYPE … CASCADE`, `DROP DOMAIN … CASCADE`. */
export function droppedTypes(sql: string, dialect: Dialect): readonly string[] {
  const tokens = tokensOf(sql, dialect).filter(({ text }) => text !== ";");
  const cursor = cursorOf(tokens, dialect);
  if (!isWord(tokens.at(-1), "CASCADE") || !cursor.take("DROP")) return [];
  if (!cursor.take("TYPE") && !cursor.take("DOMAIN")) return [];
  cursor.take("IF", "EXISTS");
  return namesIn(cursor);
}

/** Reads tokens from left to right. */
interface Cursor {
  readonly dialect: Dialect;
  /** Passes over these keywords when they come next, all of them. */
  take(...keywords: readonly string[]): boolean;
  /** Reads a name, without its schema. */
  name(): string;
  /** Returns what follows, and stays. */
  rest(): readonly Token[];
}

function cursorOf(tokens: readonly Token[], dialect: Dialect): Cursor {
  let at = 0;
  const one = () => plainName(tokens[at++], dialect);
  return {
    dialect,
    take(...keywords) {
      if (!keywords.every((keyword, place) => isWord(tokens[at + place], keyword))) return false;
      at += keywords.length;
      return true;
    },
    name() {
      let name = one();
      while (tokens[at]?.text === ".") {
        at++;
        name = one();
      }
      return name;
    },
    rest: () => tokens.slice(at),
  };
}

/** Whether a name without quotes means the one in small letters. */
const foldsNames: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

function plainName(token: Token | undefined, dialect: Dialect): string {
  const name = nameOf(token) ?? "";
  return token?.kind === "word" && foldsNames[dialect] ? foldName(name) : name;
}

function ofCreate(cursor: Cursor): readonly Effect[] {
  while (["TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL"].some((word) => cursor.take(word)));
  if (!cursor.take("TABLE")) return [];
  const isCertain = !cursor.take("IF", "NOT", "EXISTS");
  const table = cursor.name();
  const hasRows = topLevel(cursor.rest()).some((token) => isWord(token, "AS"));
  return [{ kind: "make", table, isCertain }, ...hasRows ? [{ kind: "more rows", table } as const] : []];
}

function ofDrop(cursor: Cursor): readonly Effect[] {
  if (cursor.take("SCHEMA")) {
    // Without CASCADE there is nothing in it.
    if (!isWord(cursor.rest().at(-1), "CASCADE")) return [];
    cursor.take("IF", "EXISTS");
    return namesIn(cursor).map((schema) => ({ kind: "rename schema", schema, to: null }));
  }
  if (!cursor.take("TABLE")) return [];
  cursor.take("IF", "EXISTS");
  return namesIn(cursor).map((table) => ({ kind: "drop", table }));
}

function ofSchema(cursor: Cursor): readonly Effect[] {
  if (!cursor.take("SCHEMA")) return [];
  const schema = cursor.name();
  return cursor.take("RENAME", "TO") ? [{ kind: "rename schema", schema, to: cursor.name() }] : [];
}

/**
 * Returns a map of tables as they are called when a schema has another name; without them when it is gone.
 */
export function withSchemaRenamed<T>(
  tables: ReadonlyMap<string, T>,
  { schema, to }: Extract<Effect, { readonly kind: "rename schema" }>,
): ReadonlyMap<string, T> {
  return new Map([...tables].flatMap(([name, table]): readonly (readonly [string, T])[] => {
    if (!name.startsWith(`${schema}.`)) return [[name, table]];
    return to === null ? [] : [[nameIn(to, name.slice(schema.length + 1)), table]];
  }));
}

/** `a, "b"."c"` … */
function namesIn(cursor: Cursor): readonly string[] {
  return commaParts(cursor.rest()).map((part) => cursorOf(part, cursor.dialect).name());
}

function ofAlter(cursor: Cursor): readonly Effect[] {
  cursor.take("IF", "EXISTS");
  cursor.take("ONLY");
  const table = cursor.name();
  return commaParts(cursor.rest()).flatMap((part) => ofAction(table, cursorOf(part, cursor.dialect)));
}

function ofAction(table: string, action: Cursor): readonly Effect[] {
  if (action.take("RENAME", "TO")) return [{ kind: "rename", table, to: action.name() }];
  if (action.take("RENAME")) {
    if (action.take("CONSTRAINT")) return [];
    action.take("COLUMN");
    const column = action.name();
    return action.take("TO") ? [{ kind: "rename column", table, column, to: action.name() }] : [];
  }
  if (action.take("ADD")) return ofAddition(table, action);
  if (action.take("DROP")) {
    if (action.take("CONSTRAINT")) return [];
    action.take("COLUMN");
    action.take("IF", "EXISTS");
    return [{ kind: "drop column", table, column: action.name() }];
  }
  if (action.take("ALTER")) return ofColumnChange(table, action);
  return [];
}

const constraints = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"];
const valued = ["DEFAULT", "GENERATED", "IDENTITY", "AS", "SERIAL", "SMALLSERIAL", "BIGSERIAL"];

function ofAddition(table: string, action: Cursor): readonly Effect[] {
  if (!action.take("COLUMN") && constraints.some((word) => action.take(word))) return [];
  action.take("IF", "NOT", "EXISTS");
  const column = action.name();
  const isNull = !topLevel(action.rest()).some((token) => valued.some((word) => isWord(token, word)));
  return [{ kind: "add column", table, column, isNull }];
}

/** `ALTER COLUMN c TYPE t USING …` works values out, unless it is a plain cast. */
function ofColumnChange(table: string, action: Cursor): readonly Effect[] {
  action.take("COLUMN");
  const column = action.name();
  const rest = action.rest();
  const using = rest.slice(rest.findIndex((token) => isWord(token, "USING")) + 1);
  if (using.length === rest.length) return [];
  const isCast = plainName(using[0], action.dialect) === column &&
    (using.length === 1 || using[1]?.text === ":") &&
    using.slice(3).every((token) => nameOf(token) !== null || "():[].,".includes(token.text));
  return isCast ? [] : [{ kind: "write", table, columns: [column], isFill: false }];
}

function ofUpdate(cursor: Cursor): readonly Effect[] {
  const isForced = takeConflict(cursor);
  cursor.take("ONLY");
  const table = cursor.name();
  const rest = cursor.rest();
  // One that replaces other rows may change what they are known by.
  const columns = isForced ? [] : assigned(rest, cursor.dialect);
  const isFill = columns.length === 1 && fillsOnly(rest, columns[0]!, cursor.dialect);
  return [{ kind: "write", table, columns: columns.length > 0 ? columns : null, isFill }];
}

/** SQLite's `OR REPLACE` and its like. */
function takeConflict(cursor: Cursor): boolean {
  if (!cursor.take("OR")) return false;
  cursor.name();
  return true;
}

function ofDelete(cursor: Cursor): readonly Effect[] {
  cursor.take("FROM");
  cursor.take("ONLY");
  return [{ kind: "fewer rows", table: cursor.name() }];
}

function ofTruncate(cursor: Cursor): readonly Effect[] {
  cursor.take("TABLE");
  cursor.take("ONLY");
  return namesIn(cursor).map((table) => ({ kind: "fewer rows", table }));
}

function ofInsert(cursor: Cursor, isForced: boolean): readonly Effect[] {
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
  return [copyOf(table, rest, cursor.dialect) ?? { kind: "more rows", table }];
}

/** `MERGE INTO table USING … WHEN MATCHED THEN UPDATE SET … WHEN …`. */
function ofMerge(cursor: Cursor): readonly Effect[] {
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
    const columns = assigned(end < 0 ? rest : rest.slice(0, end), cursor.dialect);
    return [{ kind: "write", table, columns: columns.length > 0 ? columns : null, isFill: false }];
  });
}

/** `WITH a AS (…), b AS (…) UPDATE …`: what is in the parentheses may change rows as well. */
function ofWith(cursor: Cursor): readonly Effect[] {
  const tokens = cursor.rest();
  const outer = topLevel(tokens);
  const main = outer.find((token) => [...changing, "SELECT"].some((word) => isWord(token, word)));
  const end = main === undefined ? tokens.length : tokens.indexOf(main);
  const inner = tokens.slice(0, end).flatMap((token, place) => {
    const isBody = token.text === "(" && changing.some((word) => isWord(tokens[place + 1], word));
    return isBody ? effectsIn(tokens.slice(place + 1, closing(tokens, place)), cursor.dialect) : [];
  });
  return [
    ...inner,
    ...main === undefined ? [{ kind: "hidden" } as const] : effectsIn(tokens.slice(end), cursor.dialect),
  ];
}

const changing = ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"];

/** `("a", "b") SELECT "a", coalesce("b", …) FROM "table"`. */
function copyOf(table: string, tokens: readonly Token[], dialect: Dialect): Copy | null {
  const outer = topLevel(tokens);
  const select = tokens.findIndex((token) => isWord(token, "SELECT"));
  const from = outer.find((token) => isWord(token, "FROM"));
  if (tokens[0]?.text !== "(" || select < 0 || from === undefined) return null;
  const names = commaParts(tokens.slice(1, select - 1)).map(([token]) => plainName(token, dialect));
  const values = commaParts(tokens.slice(select + 1, tokens.indexOf(from)));
  if (names.length !== values.length) return null;
  const behind = cursorOf(tokens.slice(tokens.indexOf(from) + 1), dialect);
  const source = behind.name();
  const columns = names.map((column, place): CopiedColumn => {
    const value = values[place]!;
    const isFilled = isWord(value[0], "COALESCE") && plainName(value[2], dialect) === column &&
      value[3]?.text === "," && closing(value, 1) === value.length - 1;
    const isPlain = value.every(({ kind, text }) => kind === "name" || kind === "word" || text === ".");
    const isName = isPlain && (value.length === 1 || value[1]?.text === ".") && !/^\d/.test(value[0]!.text);
    return {
      column,
      from: isFilled ? column : isName ? plainName(value.at(-1), dialect) : null,
      isFilled,
    };
  });
  const isWhole = behind.rest().length === 0 && !isWord(tokens[select + 1], "DISTINCT");
  return { kind: "copy", table, source, columns, isWhole };
}

/** The columns behind SET; none where its list does not tell. */
function assigned(tokens: readonly Token[], dialect: Dialect): readonly string[] {
  const outer = topLevel(tokens);
  const end = outer.find((token) => isWord(token, "WHERE") || isWord(token, "FROM"));
  const set = tokens.findIndex((token) => isWord(token, "SET"));
  const list = commaParts(tokens.slice(set + 1, end === undefined ? undefined : tokens.indexOf(end)));
  return list.flatMap((part) => {
    // `(a, b) = (…)` gives several at once.
    const close = part[0]?.text === "(" ? closing(part, 0) : 0;
    if (part[close + 1]?.text !== "=") return [];
    return (close === 0 ? part.slice(0, 1) : part.slice(1, close).filter(({ text }) => text !== ","))
      .map((token) => plainName(token, dialect));
  });
}

/** `… WHERE "column" IS NULL`. */
function fillsOnly(tokens: readonly Token[], column: string, dialect: Dialect): boolean {
  const where = tokens.findIndex((token) => isWord(token, "WHERE"));
  const condition = tokens.slice(where + 1);
  return where >= 0 && condition.length === 3 && plainName(condition[0], dialect) === column &&
    isWord(condition[1], "IS") && isWord(condition[2], "NULL");
}
