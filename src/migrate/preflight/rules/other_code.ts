import { foldName } from "../../../base/fold_name.ts";
import { isBuiltIn } from "../../../sql/built_in_type.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { codeStatements, codeTokens } from "../../../sql/made_names.ts";
import { postgresType } from "../../../sql/postgres_spelling.ts";

/** Whether a statement of PostgreSQL's may run code that does not stand in it, or that cannot be read: it may make and drop anything. */
export function runsOtherCode(sql: string): boolean {
  const isBlock = isWord(tokensOf(sql, "postgresql")[0], "DO");
  if (isBlock && !codeTokens(sql, "postgresql").some(({ kind }) => kind === "word")) return true;
  return codeStatements(sql, "postgresql").some(callsOther);
}

/** What says something of a function, or has it run later. */
const definitions = ["CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"];

/** Whether a statement runs what does not stand in it: a text, a procedure, or a function that is not known. */
function callsOther(tokens: readonly Token[]): boolean {
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

/** What may stand before a parenthesis and neither makes nor drops anything: words, and PostgreSQL's own functions that scripts call. */
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
