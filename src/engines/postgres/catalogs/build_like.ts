import { closing, commaParts, cursorAt, foldedName, tokensOf, topLevel } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";
import type { Attached } from "./attached.ts";

/**
 * Returns a `CREATE INDEX` that builds the index where, and with the storage options with which, another one of the same
 * table and the same plain columns stands, whose place it is probably to take: to move it later would keep everybody
 * waiting. What the text says itself stays.
 */
export function buildLike(text: string, attached: readonly Attached[]): string {
  const tokens = tokensOf(text, "postgresql").filter((token) => token.text !== ";");
  const at = cursorAt(tokens);
  if (at.seek("ON") === null) return text;
  at.take("ONLY");
  const name = at.name();
  const method = at.take("USING") ? foldedName(at.next(), "postgresql") : "btree";
  const rest = at.rest();
  const closed = closing(rest, 0);
  const columns = commaParts(rest.slice(1, closed)).map(([column, ...more]) =>
    more.length === 0 ? foldedName(column, "postgresql") : null
  );
  const outer = topLevel(rest.slice(closed + 1));
  const where = outer.find((token) => isWord(token, "WHERE"));
  const made = `${columns.join()}${where === undefined ? "" : " WHERE"}`;
  const table = attached.find((each) => each.definition === null && each.full !== "" && each.bare === name);
  const things = attached.filter((each) =>
    each.table === table?.id && each.columns === made && each.method === method
  );
  const isBuilt = ({ aspect }: Attached) => aspect === "tablespace" || aspect?.startsWith("option ");
  const twin = things.filter(({ id }) => id === things.find(isBuilt)?.id);
  const options = twin.filter(({ aspect }) => aspect?.startsWith("option "));
  const tablespace = twin.find(({ aspect }) => aspect === "tablespace");
  const says = (word: string) => outer.some((token) => isWord(token, word));
  const last = tokens.at(-1)!;
  const end = last.start + last.text.length;
  // The server wants them in this order: WITH, TABLESPACE, WHERE.
  const behindOptions = outer.find((token) => isWord(token, "TABLESPACE") || isWord(token, "WHERE"));
  const withPlace = behindOptions?.start ?? end;
  const place = where?.start ?? end;
  // What hangs is written as ALTER INDEX takes it: SET (fillfactor='70'), SET TABLESPACE fast.
  const given = (tail: string | null) => tail!.replace(/^ SET /, "");
  const storage = options.length === 0 || says("WITH")
    ? ""
    : ` WITH (${options.map(({ tail }) => given(tail).slice(1, -1)).join(", ")}) `;
  const home = tablespace === undefined || says("TABLESPACE") ? "" : ` ${given(tablespace.tail)} `;
  return text.slice(0, withPlace) + storage + text.slice(withPlace, place) + home + text.slice(place);
}
