import { commaParts, cursorAt, type SqlCursor, topLevel } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { namesIn, plainName } from "./names.ts";
import type { Effect } from "./effect.ts";

/** `CREATE …`: tables count, and whether rows come with them. */
export function ofCreate(cursor: SqlCursor): readonly Effect[] {
  while (["TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL"].some((word) => cursor.take(word)));
  if (!cursor.take("TABLE")) return [];
  const isCertain = !cursor.take("IF", "NOT", "EXISTS");
  const table = cursor.name();
  const hasRows = topLevel(cursor.rest()).some((token) => isWord(token, "AS"));
  return [{ kind: "make", table, isCertain }, ...hasRows ? [{ kind: "more rows", table } as const] : []];
}

/** `DROP …`: tables, and schemas with what is in them. */
export function ofDrop(cursor: SqlCursor): readonly Effect[] {
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

/** `ALTER …` of all but tables: schemas get other names. */
export function ofSchema(cursor: SqlCursor): readonly Effect[] {
  if (!cursor.take("SCHEMA")) return [];
  const schema = cursor.name();
  return cursor.take("RENAME", "TO") ? [{ kind: "rename schema", schema, to: cursor.name() }] : [];
}

/** `ALTER TABLE …`, action by action. */
export function ofAlter(cursor: SqlCursor): readonly Effect[] {
  cursor.take("IF", "EXISTS");
  cursor.take("ONLY");
  const table = cursor.name();
  return commaParts(cursor.rest()).flatMap((part) => ofAction(table, cursorAt(part)));
}

function ofAction(table: string, action: SqlCursor): readonly Effect[] {
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

function ofAddition(table: string, action: SqlCursor): readonly Effect[] {
  if (!action.take("COLUMN") && constraints.some((word) => action.take(word))) return [];
  action.take("IF", "NOT", "EXISTS");
  const column = action.name();
  const isNull = !topLevel(action.rest()).some((token) => valued.some((word) => isWord(token, word)));
  return [{ kind: "add column", table, column, isNull }];
}

/** `ALTER COLUMN c TYPE t USING …` works values out, unless it is a plain cast. */
function ofColumnChange(table: string, action: SqlCursor): readonly Effect[] {
  action.take("COLUMN");
  const column = action.name();
  const rest = action.rest();
  const using = rest.slice(rest.findIndex((token) => isWord(token, "USING")) + 1);
  if (using.length === rest.length) return [];
  const isCast = plainName(using[0]) === column &&
    (using.length === 1 || using[1]?.text === ":") &&
    using.slice(3).every((token) => nameOf(token) !== null || "():[].,".includes(token.text));
  return isCast ? [] : [{ kind: "write", table, columns: [column], isFill: false }];
}
