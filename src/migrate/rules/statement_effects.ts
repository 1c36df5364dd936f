import type { Dialect } from "../../base/dialect.ts";
import { onceForText } from "../../base/once_for.ts";
import { closing, cursorAt, type SqlCursor, tokensOf, topLevel } from "../../sql/cursor.ts";
import { isWord, type Token } from "../../sql/lexer.ts";
import { ofAlter, ofCreate, ofDrop, ofSchema } from "./effects/definitions.ts";
import type { Effect } from "./effects/effect.ts";
import { readIn } from "./effects/names.ts";
import { ofDelete, ofInsert, ofMerge, ofTruncate, ofUpdate, takeConflict } from "./effects/rows.ts";

/** Statements that change neither rows nor what a column is called. */
const harmless = new Set(
  "COMMENT SET RESET SHOW PRAGMA ANALYZE VACUUM REINDEX CLUSTER LOCK GRANT REVOKE BEGIN COMMIT REFRESH EXPLAIN"
    .split(" "),
);

/** Reads out of a statement what it does. */
export const effectsOf = onceForText((sql: string, dialect: Dialect): readonly Effect[] =>
  effectsIn(
    readIn(tokensOf(sql, dialect).filter(({ kind, text }) => kind !== "sign" || text !== ";"), dialect),
  )
);

function effectsIn(tokens: readonly Token[]): readonly Effect[] {
  const cursor = cursorAt(tokens);
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

/** `WITH a AS (…), b AS (…) UPDATE …`: what is in the parentheses may change rows as well. */
function ofWith(cursor: SqlCursor): readonly Effect[] {
  const tokens = cursor.rest();
  const outer = topLevel(tokens);
  const main = outer.find((token) => [...changing, "SELECT"].some((word) => isWord(token, word)));
  const end = main === undefined ? tokens.length : tokens.indexOf(main);
  const inner = tokens.slice(0, end).flatMap((token, place) => {
    const isBody = token.text === "(" && changing.some((word) => isWord(tokens[place + 1], word));
    return isBody ? effectsIn(tokens.slice(place + 1, closing(tokens, place))) : [];
  });
  return [
    ...inner,
    ...main === undefined ? [{ kind: "hidden" } as const] : effectsIn(tokens.slice(end)),
  ];
}

const changing = ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"];
