import { foldName } from "../../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../../sql/lexer.ts";
import { type Replica, schemaQuery, type SchemaRow } from "../form/replica.ts";
import { readRebuild } from "../../rebuild/read_rebuild.ts";

/**
 * Returns the end of what has to be in one transaction with the statements of a range: one that writes to the rows of a table, or takes
 * them over, is bound to every copy of that table, to columns of it that go, and to its end. What others wrote between the two would be
 * left as it was, and then change or go all the same.
 *
 * @param range Of which nothing runs beside writers
 * @param schemas Before and after the range: triggers and views lead from one table to another
 */
export function boundEnd(
  texts: readonly string[],
  { at, end }: { readonly at: number; readonly end: number },
  schemas: readonly Replica[],
): number {
  const parts = partsOf(texts, at);
  const takings = parts.filter(({ loses }) => loses !== null);
  let bound = end;
  if (!takings.some((taking) => taking.end > bound)) return bound;
  const links = linksOf(texts, schemas);
  for (const part of parts) {
    if (part.at >= bound) break;
    if (!writesRows(texts[part.at]!)) continue;
    const names = reached(texts, part.at, links);
    bound = takings.findLast((taking) => taking.end > bound && names.has(taking.loses!))?.end ?? bound;
  }
  return bound;
}

/** A statement of a script, or the statements of a copy. */
interface Part {
  readonly at: number;
  readonly end: number;
  /** The table of which it takes away, or changes, what is in it, in lower case; `null` for none. */
  readonly loses: string | null;
}

function partsOf(texts: readonly string[], at: number): readonly Part[] {
  const parts: Part[] = [];
  for (let place = at; place < texts.length;) {
    const copy = readRebuild(texts, place);
    const table = copy?.table ?? tableLosing(texts[place]!);
    const end = place + (copy?.count ?? 1);
    parts.push({ at: place, end, loses: table === null ? null : foldName(table) });
    place = end;
  }
  return parts;
}

/** What leads from one name to others: a trigger, a view, or the statement of a script that calls a table otherwise. */
interface Link {
  readonly names: readonly string[];
  /** The statement's place; `null` of what stands in the schema. */
  readonly at: number | null;
}

function linksOf(
  texts: readonly string[],
  schemas: readonly Replica[],
): ReadonlyMap<string, readonly Link[]> {
  const leading = schemas.flatMap(({ rows }) => rows<SchemaRow>(schemaQuery.text)).flatMap((
    { type, name, table, sql },
  ) =>
    type === "trigger" || type === "view"
      ? [{ from: foldName(type === "view" ? name : table), names: namesIn(sql), at: null }]
      : []
  );
  const renames = texts.flatMap((sql, at) => {
    const own = cursorAt(tokensOf(sql, "sqlite"));
    const from = own.take("ALTER", "TABLE") ? own.name() : "";
    return own.take("RENAME", "TO") ? [{ from: foldName(from), names: namesIn(sql), at }] : [];
  });
  return Map.groupBy([...leading, ...renames], ({ from }) => from);
}

/** The names that a statement has to do with, in lower case: those in it, and in what hangs on these or is called otherwise later. */
function reached(
  texts: readonly string[],
  at: number,
  links: ReadonlyMap<string, readonly Link[]>,
): ReadonlySet<string> {
  const names = new Set(namesIn(texts[at]!));
  // It goes over those that are added meanwhile as well.
  for (const name of names) {
    for (const link of links.get(name) ?? []) {
      if (link.at === null || link.at > at) { for (const each of link.names) names.add(each); }
    }
  }
  return names;
}

function namesIn(text: string): readonly string[] {
  return tokensOf(text, "sqlite").flatMap((token) => {
    const name = nameOf(token);
    return name === null ? [] : [foldName(name)];
  });
}

/** Whether rows are written; a trigger or a view is only made. */
function writesRows(text: string): boolean {
  const tokens = tokensOf(text, "sqlite");
  if (writing.some((word) => isWord(tokens[0], word))) return true;
  const isTable = isWord(tokens[0], "CREATE") &&
    !tokens.slice(1, 3).some((token) => isWord(token, "TRIGGER") || isWord(token, "VIEW"));
  return isTable && tokens.some((token) => isWord(token, "SELECT"));
}

const writing = ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];

/** The table of which a statement takes columns, or all; `null` of any other statement. */
function tableLosing(text: string): string | null {
  const at = cursorAt(tokensOf(text, "sqlite"));
  if (at.take("DROP", "TABLE")) {
    at.take("IF", "EXISTS");
    return at.name();
  }
  if (!at.take("ALTER", "TABLE")) return null;
  const table = at.name();
  return at.take("DROP") ? table : null;
}
