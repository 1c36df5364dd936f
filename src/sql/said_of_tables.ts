import { commaParts, cursorAt, type SqlCursor } from "./cursor.ts";
import { nameOf, type Token } from "./lexer.ts";
import { isDefaultSchema } from "./table_names.ts";

/** What a statement of PostgreSQL's does to a table that is there. */
export type SaidOfTable =
  | { readonly kind: "gone"; readonly table: string }
  | { readonly kind: "renamed"; readonly table: string; readonly to: string }
  /** `action` is one of the parts of an `ALTER TABLE`. */
  | { readonly kind: "altered"; readonly table: string; readonly action: readonly Token[] };

/**
 * Steps over a table's name and returns it; `null` where it says a schema that the history does not name: a table there is another
 * one, whatever it is called.
 */
export function tableHere(cursor: SqlCursor): string | null {
  cursor.take("IF", "NOT", "EXISTS") || cursor.take("IF", "EXISTS");
  const [schema, dot] = cursor.rest();
  const name = cursor.name();
  return dot?.text === "." && !isDefaultSchema(nameOf(schema)) ? null : name;
}

/**
 * Returns what a statement does to tables by `DROP TABLE` or `ALTER TABLE`, in order, but to those that {@link tableHere} passes
 * over. Its tokens are folded, without comments.
 */
export function saidOfTables(tokens: readonly Token[]): readonly SaidOfTable[] {
  const cursor = cursorAt(tokens);
  if (cursor.take("DROP", "TABLE")) {
    cursor.take("IF", "EXISTS");
    return commaParts(cursor.rest()).flatMap((part) => {
      const table = tableHere(cursorAt(part));
      return table === null ? [] : [{ kind: "gone", table }];
    });
  }
  if (!cursor.take("ALTER", "TABLE")) return [];
  cursor.take("IF", "EXISTS");
  cursor.take("ONLY");
  const table = tableHere(cursor);
  if (table === null) return [];
  return commaParts(cursor.rest()).map((action) => {
    const at = cursorAt(action);
    return at.take("RENAME", "TO")
      ? { kind: "renamed", table, to: at.name() }
      : { kind: "altered", table, action };
  });
}
