import { foldName } from "../../../base/fold_name.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { isBuiltIn } from "../../../sql/built_in_type.ts";
import { postgresNameOf } from "../../../sql/cut_name.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { codeStatements, codeTokens, madeNames } from "../../../sql/made_names.ts";
import { elementType, postgresType } from "../../../sql/postgres_spelling.ts";

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
  const wanted = columnsOf(after).flatMap(({ path, type }) => {
    const name = isBuiltIn(type) || known.has(type) ? null : typeName(type);
    return name === null ? [] : [{ path, type, name }];
  });
  if (wanted.length === 0) return [];
  const made = madeTypes(scripts.flat());
  if (made === "any") return [];
  const texts = scripts.map((statements) => foldName(statements.join("\n")));
  return wanted.filter(({ name }) => !made.has(foldName(name))).flatMap((each) => {
    const script = texts.findIndex((text) => text.includes(foldName(each.name)));
    return script < 0 ? [] : [{ ...each, script }];
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

/** Returns the names that statements give to types, in small letters; `any` where an extension, or code that is not in them, may give one. */
function madeTypes(statements: readonly string[]): ReadonlySet<string> | "any" {
  const made = new Set<string>();
  for (const sql of statements) {
    const isBlock = isWord(tokensOf(sql, "postgresql")[0], "DO");
    const tokens = codeTokens(sql, "postgresql");
    const has = (...words: readonly string[]) =>
      tokens.some((_, at) => words.every((word, index) => isWord(tokens[at + index], word)));
    if (has("CREATE", "EXTENSION") || has("ALTER", "EXTENSION") || has("SET", "SCHEMA")) return "any";
    // Code that cannot be read may be any.
    if (isBlock && !tokens.some(({ kind }) => kind === "word")) return "any";
    if (codeStatements(sql, "postgresql").some(runsOtherCode)) return "any";
    for (const name of madeNames(sql, kinds, "postgresql")) made.add(foldName(name));
  }
  return made;
}

/** What says something of a function, or has it run later. */
const definitions = ["CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"];

/** Whether a statement runs what does not stand in it: a text, a procedure, or a function that is not known. */
function runsOtherCode(tokens: readonly Token[]): boolean {
  if (definitions.some((word) => isWord(tokens[0], word))) return false;
  return tokens.some((token, at) => {
    if (isWord(token, "EXECUTE")) return true;
    const name = tokens[at + 1]?.text === "(" ? nameOf(token) : null;
    if (name === null) return false;
    let start = at;
    while (tokens[start - 1]?.text === ".") start -= 2;
    const before = tokens[start - 1];
    if (before?.text === ":" || ["INTO", "AS", "WITH", "RECURSIVE"].some((word) => isWord(before, word))) {
      return false;
    }
    const isPostgres = start === at || nameOf(tokens[start]) === "pg_catalog";
    return !isPostgres || !(harmless.has(foldName(name)) || isBuiltIn(postgresType(name)));
  });
}

/** What may stand before a parenthesis and makes no type: words, and PostgreSQL's own functions that scripts call. */
const harmless = new Set(
  ("all and any array as between by case cast check conflict delete distinct else elsif except exists filter from group having if in " +
    "insert intersect is join key lateral like limit materialized not on or over returning return row select set some then union unique " +
    "update using values when where while " +
    "abs array_agg avg btrim char_length clock_timestamp coalesce concat concat_ws count current_setting date_trunc extract " +
    "format gen_random_uuid generate_series greatest json_build_object jsonb_build_array jsonb_build_object jsonb_set least " +
    "left length lower ltrim max md5 min nextval now nullif pg_get_serial_sequence position regexp_replace replace right " +
    "round row_number rtrim set_config setval split_part string_agg substr substring sum to_char to_json to_jsonb " +
    "to_regclass to_regtype to_timestamp trim unnest upper").split(" "),
);
