import type { Dialect } from "../../../base/dialect.ts";
import { isSameName } from "../../../base/fold_name.ts";
import { commaParts, cursorAt, tokensOf, topLevel } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import type { Copy, Effect } from "../../rules/effects/effect.ts";
import { effectsOf } from "../../rules/statement_effects.ts";

/** A column of a table, by the names that it has while the script runs. */
export interface Place {
  readonly table: string;
  readonly column: string;
}

/**
 * Returns what a script that makes a column gives it in every row that is there, as an SQL literal, `NULL` included;
 * `null` when its text does not tell.
 */
export function givenBy(statements: readonly string[], place: Place, dialect: Dialect): string | null {
  return statements.reduce<string | null>((value, sql) => {
    const effects = effectsOf(sql, dialect);
    return effects.reduce((given, effect) => after(given, effect, { sql, place, dialect }), value);
  }, null);
}

interface Setting {
  readonly sql: string;
  readonly place: Place;
  readonly dialect: Dialect;
}

function after(given: string | null, effect: Effect, { sql, place, dialect }: Setting): string | null {
  if (effect.kind === "hidden" || effect.kind === "rename schema") return null;
  if (effect.kind === "copy") {
    const isOurs = isSameName(dialect, effect.source, place.table) &&
      isSameName(dialect, effect.table, `__new_${place.table}`);
    return isOurs ? afterCopy(given, effect, { sql, place, dialect }) : given;
  }
  if (!isSameName(dialect, effect.table, place.table)) return given;
  switch (effect.kind) {
    case "add column":
      if (!isSameName(dialect, effect.column, place.column)) return given;
      return effect.isNull ? "NULL" : defaultIn(sql, place.column, dialect);
    case "write": {
      if (
        effect.columns !== null && !effect.columns.some((name) => isSameName(dialect, name, place.column))
      ) return given;
      if (effect.columns?.length !== 1) return null;
      const value = assignedIn(sql, dialect);
      if (!effect.isFill) return value?.isForAll === true ? value.literal : null;
      return given === "NULL" ? value?.literal ?? null : given;
    }
    case "rename":
    case "make":
      return null;
    case "drop column":
    case "rename column":
      return isSameName(dialect, effect.column, place.column) ? null : given;
    default:
      return given;
  }
}

function afterCopy(given: string | null, { columns }: Copy, { sql, place, dialect }: Setting): string | null {
  const index = columns.findIndex(({ column }) => isSameName(dialect, column, place.column));
  const copied = columns[index];
  if (copied?.from !== copied?.column || copied === undefined) return null;
  if (!copied.isFilled || given !== "NULL") return given;
  const tokens = tokensOf(sql, dialect);
  const outer = topLevel(tokens);
  const select = tokens.findIndex((token) => isWord(token, "SELECT"));
  const from = tokens.indexOf(outer.find((token) => isWord(token, "FROM"))!);
  const value = commaParts(tokens.slice(select + 1, from))[index] ?? [];
  // coalesce ( "c" , literal )
  return literalOf(value.slice(4, -1));
}

function defaultIn(sql: string, column: string, dialect: Dialect): string | null {
  const at = cursorAt(tokensOf(sql, dialect));
  if (!at.take("ALTER", "TABLE")) return null;
  at.take("IF", "EXISTS");
  at.name();
  const action = commaParts(at.rest()).find((part) => part.some((token) => nameOf(token) === column)) ?? [];
  const from = action.findIndex((token) => isWord(token, "DEFAULT"));
  const rest = action.slice(from + 1).filter(({ text }) => text !== ";");
  const end = rest.findIndex((token) => ends.some((word) => isWord(token, word)));
  return from < 0 ? null : literalOf(end < 0 ? rest : rest.slice(0, end));
}

const ends = ["NOT", "CONSTRAINT", "CHECK", "UNIQUE", "REFERENCES", "COLLATE", "PRIMARY"];

/** `UPDATE t SET c = literal …`. */
function assignedIn(
  sql: string,
  dialect: Dialect,
): { readonly literal: string | null; readonly isForAll: boolean } | null {
  const tokens = tokensOf(sql, dialect).filter(({ text }) => text !== ";");
  const set = tokens.findIndex((token) => isWord(token, "SET"));
  if (set < 0 || tokens[set + 2]?.text !== "=") return null;
  const value = tokens.slice(set + 3);
  const end = value.findIndex((token) => isWord(token, "WHERE"));
  return { literal: literalOf(end < 0 ? value : value.slice(0, end)), isForAll: end < 0 };
}

/** What may stand in a statement of ours as it was written. */
export const literalForm = /^(?:NULL|TRUE|FALSE|[+-]?\d+(?:\.\d+)?|'(?:[^']|'')*')$/i;

function literalOf(tokens: readonly Token[]): string | null {
  const text = tokens.map((token) => token.text).join("");
  if (!literalForm.test(text)) return null;
  return /^null$/i.test(text) ? "NULL" : text;
}
