import { foldName } from "../../../base/fold_name.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { isBuiltIn } from "../../../sql/built_in_type.ts";
import { postgresNameOf } from "../../../sql/cut_name.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { codeTokens, madeNames } from "../../../sql/made_names.ts";
import { elementType } from "../../../sql/postgres_spelling.ts";

/** A type that steps give a column, and that none of their statements makes. */
export interface NewType {
  /** `table.column` */
  readonly path: string;
  readonly type: string;
  /** The last word of its name, without quotes. */
  readonly name: string;
  /** The script that says it. */
  readonly script: number;
}

/**
 * Returns the types that columns get which had none of them, and that no statement makes, as far as that can be told.
 *
 * @param scripts The statements of each step
 */
export function newTypes(
  before: Snapshot | null,
  after: Snapshot,
  scripts: readonly (readonly string[])[],
): readonly NewType[] {
  const known = new Set(columnsOf(before).map(({ type }) => type));
  const statements = scripts.flat();
  return columnsOf(after).flatMap(({ path, type }) => {
    const name = isBuiltIn(type) || known.has(type) ? null : typeName(type);
    if (name === null) return [];
    const script = scripts.findIndex((texts) =>
      texts.some((text) => foldName(text).includes(foldName(name)))
    );
    if (script < 0 || statements.some((sql) => mayMake(sql, name))) return [];
    return [{ path, type, name, script }];
  });
}

function columnsOf(schema: Snapshot | null): readonly { readonly path: string; readonly type: string }[] {
  return (schema?.tables ?? []).flatMap(({ name, columns }) =>
    columns.map((column) => ({ path: `${name}.${column.name}`, type: column.type }))
  );
}

const typeForm =
  /^(?:(?:"(?:[^"]|"")+"|[\w$\u0080-\uffff]+)\.)?(?:"((?:[^"]|"")+)"|([\w$\u0080-\uffff]+))(?: ?\([^()]*\))?$/;

/** Returns the last word of a type's name; `null` of what says more than a type, as `text COLLATE "C"` does. */
function typeName(type: string): string | null {
  const [, quoted, plain] = typeForm.exec(elementType(type)) ?? [];
  const name = quoted?.replaceAll('""', '"') ?? plain;
  return name === undefined ? null : postgresNameOf(name);
}

/** What has a type of its own name, or is one. */
const kinds = ["TYPE", "DOMAIN", "TABLE", "VIEW", "MATERIALIZED VIEW"];

/** Whether a statement may make a type: by its name, with an extension, or by code that is not in it. */
function mayMake(sql: string, name: string): boolean {
  const tokens = codeTokens(sql, "postgresql");
  const has = (...words: readonly string[]) =>
    tokens.some((_, at) => words.every((word, index) => isWord(tokens[at + index], word)));
  if (has("CREATE", "EXTENSION") || has("SET", "SCHEMA") || runsOtherCode(sql, tokens)) return true;
  const renamed = tokens.flatMap((token, at) =>
    isWord(token, "RENAME") && isWord(tokens[at + 1], "TO") ? [nameOf(tokens[at + 2]) ?? ""] : []
  );
  return [...renamed, ...kinds.flatMap((kind) => madeNames(sql, kind, "postgresql"))]
    .some((made) => foldName(made) === foldName(name));
}

/** What may stand before a parenthesis and runs nothing that makes a type: PostgreSQL's own functions that scripts call, and words. */
const harmless =
  "setval nextval set_config pg_get_serial_sequence coalesce greatest max count exists in from and or not values"
    .split(" ");

/** Whether a statement runs what does not stand in it: a text, a procedure, or a function that is not known. */
function runsOtherCode(sql: string, tokens: readonly Token[]): boolean {
  const [first] = tokensOf(sql, "postgresql");
  const isBlock = isWord(first, "DO");
  // Code that cannot be read may be any.
  if (isBlock && !tokens.some(({ kind }) => kind === "word")) return true;
  const has = (...words: readonly string[]) =>
    words.some((word) => isBlock ? tokens.some((token) => isWord(token, word)) : isWord(first, word));
  if (has("EXECUTE", "PERFORM", "CALL")) return true;
  return has("SELECT", "WITH") && tokens.some((token, at) => {
    const name = tokens[at + 1]?.text === "(" ? nameOf(token) : null;
    return name !== null && !harmless.includes(foldName(name));
  });
}
