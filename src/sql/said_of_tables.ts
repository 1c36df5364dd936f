import { commaParts, cursorAt } from "./cursor.ts";
import type { Token } from "./lexer.ts";

/** What a statement of PostgreSQL's does to a table that is there. */
export type SaidOfTable =
  | { readonly kind: "gone"; readonly table: string }
  | { readonly kind: "renamed"; readonly table: string; readonly to: string }
  /** `action` is one of the parts of an `ALTER TABLE`. */
  | { readonly kind: "altered"; readonly table: string; readonly action: readonly Token[] };

/** Returns what a statement does to tables by `DROP TABLE` or `ALTER TABLE`, in order. Its tokens are folded, without comments. */
export function saidOfTables(tokens: readonly Token[]): readonly SaidOfTable[] {
  const cursor = cursorAt(tokens);
  if (cursor.take("DROP", "TABLE")) {
    cursor.take("IF", "EXISTS");
    return commaParts(cursor.rest()).map((part) => ({ kind: "gone", table: cursorAt(part).name() }));
  }
  if (!cursor.take("ALTER", "TABLE")) return [];
  cursor.take("IF", "EXISTS");
  cursor.take("ONLY");
  const table = cursor.name();
  return commaParts(cursor.rest()).map((action) => {
    const at = cursorAt(action);
    return at.take("RENAME", "TO")
      ? { kind: "renamed", table, to: at.name() }
      : { kind: "altered", table, action };
  });
}
