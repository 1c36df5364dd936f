import { foldName } from "../../../base/fold_name.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { isBuiltIn } from "../../../sql/built_in_type.ts";
import { postgresNameOf } from "../../../sql/cut_name.ts";
import { isWord } from "../../../sql/lexer.ts";
import { codeTokens, madeNames } from "../../../sql/made_names.ts";
import { elementType } from "../../../sql/postgres_spelling.ts";
import { runsOtherCode } from "./other_code.ts";

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
    const tokens = codeTokens(sql, "postgresql");
    const has = (...words: readonly string[]) =>
      tokens.some((_, at) => words.every((word, index) => isWord(tokens[at + index], word)));
    if (has("CREATE", "EXTENSION") || has("ALTER", "EXTENSION") || has("SET", "SCHEMA")) return "any";
    if (runsOtherCode(sql)) return "any";
    for (const name of madeNames(sql, kinds, "postgresql")) made.add(foldName(name));
  }
  return made;
}
