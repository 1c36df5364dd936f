import { foldedName, tokensOf } from "./cursor.ts";
import { isWord, nameOf, type Token } from "./lexer.ts";
import { quoteName } from "./quote.ts";

/**
 * Returns the name by which a table, an index, a type or a view is known everywhere but in SQL: of the default schema its
 * own, of another one that the history names `schema.name`.
 */
export function nameIn(schema: unknown, name: string): string {
  return isDefaultSchema(schema) ? name : `${schema}.${name}`;
}

/** Whether a schema is the one in which things are made that name none. */
export function isDefaultSchema(schema: unknown): boolean {
  return typeof schema !== "string" || schema === "" || schema === "public";
}

/**
 * Returns the schema of a name as {@link nameIn} gives it, and what it is called there; `null` for the default schema.
 *
 * @param schemas Those that the history names. A name may hold a dot without being in one of them
 */
export function placeOfName(
  name: string,
  schemas: readonly string[],
): { readonly schema: string | null; readonly bare: string } {
  const schema = schemas.find((each) => name.startsWith(`${each}.`));
  return schema === undefined
    ? { schema: null, bare: name }
    : { schema, bare: name.slice(schema.length + 1) };
}

/**
 * Returns the place of a table in a schema that the history only refers to, as {@link nameIn} gives it; `null` for what is in
 * the default schema. A schema with a dot in its name is refused where schema.ts refers to it.
 */
export function hostTable(name: string): { readonly schema: string; readonly bare: string } | null {
  const dot = name.indexOf(".");
  return dot < 0 ? null : { schema: name.slice(0, dot), bare: name.slice(dot + 1) };
}

/** Whether a table is one that no script makes or changes: it has a schema, and is not in the snapshot that refers to it. */
export function isOfHost(
  table: string,
  { tables }: { readonly tables: readonly { readonly name: string }[] },
): boolean {
  return hostTable(table) !== null && !tables.some(({ name }) => name === table);
}

/** Returns a table as SQL names it. */
export function quoteTable(name: string, schemas: readonly string[] = []): string {
  const { schema, bare } = placeOfName(name, schemas);
  return schema === null ? quoteName(bare) : `${quoteName(schema)}.${quoteName(bare)}`;
}

/** A piece of a text, and what is to stand there. */
interface Edit {
  readonly from: Token;
  readonly to: Token;
  readonly text: string;
}

/**
 * Returns a statement in which things of the named schemas have one name, as {@link nameIn} gives it, so that whoever reads
 * it needs to know nothing of schemas. It is not to be run.
 *
 * What is made or renamed without its schema beside a table that has one is in that one: `CREATE INDEX "i" ON "s"."t"`,
 * `ALTER TABLE "s"."t" RENAME TO "u"`. A table that moves to another schema gets another name.
 */
export function withPlainNames(sql: string, schemas: readonly string[] = []): string {
  if (schemas.length === 0) return sql;
  const tokens = tokensOf(sql, "postgresql");
  const edits: Edit[] = [];
  let first: string | null = null;
  for (let at = 0; at < tokens.length; at++) {
    const [token, dot, name] = tokens.slice(at, at + 3);
    const schema = dot?.text === "." && tokens[at - 1]?.text !== "." ? foldedName(token, "postgresql") : null;
    if (schema === null || !schemas.includes(schema) || foldedName(name, "postgresql") === null) continue;
    first ??= schema;
    edits.push({ from: token!, to: name!, text: quoteName(`${schema}.${foldedName(name, "postgresql")}`) });
    at += 2;
  }
  const bare = first === null ? undefined : nameBeside(tokens);
  if (bare !== undefined) {
    edits.push({ from: bare, to: bare, text: quoteName(`${first}.${foldedName(bare, "postgresql")}`) });
  }
  return edited(sql, [...edits, ...moved(tokens, schemas)]);
}

const kinds = ["TABLE", "INDEX", "VIEW", "SEQUENCE", "TYPE"];

/** Returns the name without a schema that is in the schema of the table which a statement is about. */
function nameBeside(tokens: readonly Token[]): Token | undefined {
  const [verb, what] = tokens;
  if (isWord(verb, "ALTER") && kinds.some((word) => isWord(what, word))) {
    const to = tokens.findIndex((token, place) => isWord(token, "TO") && isWord(tokens[place - 1], "RENAME"));
    return to < 0 ? undefined : tokens[to + 1];
  }
  if (!isWord(verb, "CREATE")) return undefined;
  const on = tokens.findIndex((token) => isWord(token, "ON"));
  const isIndex = tokens.slice(0, on).some((token) => isWord(token, "INDEX"));
  const name = tokens[on - 1];
  const isKeyword = ["INDEX", "CONCURRENTLY", "EXISTS"].some((word) => isWord(name, word));
  return isIndex && !isKeyword ? name : undefined;
}

/** `ALTER TABLE … t SET SCHEMA s` is `ALTER TABLE … t RENAME TO "s.t"`. */
function moved(tokens: readonly Token[], schemas: readonly string[]): readonly Edit[] {
  const at = tokens.findIndex((token, place) => isWord(token, "SET") && isWord(tokens[place + 1], "SCHEMA"));
  const [set, , schema] = tokens.slice(Math.max(at, 0), at + 3);
  const to = foldedName(schema, "postgresql");
  const [verb, what] = tokens;
  const isMoved = at > 0 && isWord(verb, "ALTER") && kinds.some((word) => isWord(what, word));
  if (!isMoved || to === null || !(isDefaultSchema(to) || schemas.includes(to))) return [];
  return [{
    from: set!,
    to: schema!,
    text: `RENAME TO ${quoteName(nameIn(to, foldedName(tokens[at - 1], "postgresql") ?? ""))}`,
  }];
}

/**
 * Returns the statements that say with schemas what one says in the names of {@link withPlainNames}: `DROP TABLE "s.t"` is
 * `DROP TABLE "s"."t"`. What has no schema of its own where it stands loses it: a new index, a constraint, a new name.
 */
export function withSchemaNames(sql: string, schemas: readonly string[]): readonly string[] {
  if (schemas.length === 0) return [sql];
  const [, kind, from = "", to = ""] =
    /^ALTER (TABLE|INDEX|TYPE|SEQUENCE|VIEW) "((?:[^"]|"")+)" RENAME TO "((?:[^"]|"")+)";$/.exec(sql) ?? [];
  const [old, now] = [placeOfName(from, schemas), placeOfName(to, schemas)];
  if (kind !== undefined && old.schema !== now.schema) {
    const rename = old.bare === now.bare ? [] : [
      `ALTER ${kind} ${quoteTable(nameIn(now.schema, old.bare), schemas)} RENAME TO ${quoteName(now.bare)};`,
    ];
    // An index goes with its table.
    if (kind === "INDEX") return rename;
    return [
      `ALTER ${kind} ${quoteTable(from, schemas)} SET SCHEMA ${quoteName(now.schema ?? "public")};`,
      ...rename,
    ];
  }
  const tokens = tokensOf(sql, "postgresql");
  const isIndex = isWord(tokens[0], "CREATE") && tokens.slice(1, 3).some((token) => isWord(token, "INDEX"));
  const on = tokens.findIndex((token) => isWord(token, "ON"));
  const edits = tokens.flatMap((token, at): readonly Edit[] => {
    if (isRelationText(tokens, at)) return relationText(token, schemas);
    if (token.kind !== "name") return [];
    const { schema, bare } = placeOfName(nameOf(token)!, schemas);
    if (schema === null) return [];
    const before = tokens[at - 1];
    const isBare = (isIndex && at === on - 1) || isWord(before, "CONSTRAINT") ||
      (isWord(before, "TO") && isWord(tokens[at - 2], "RENAME")) ||
      (isWord(before, "INDEX") && isWord(tokens[at - 2], "USING"));
    return [{
      from: token,
      to: token,
      text: isBare ? quoteName(bare) : quoteTable(`${schema}.${bare}`, schemas),
    }];
  });
  return [edited(sql, edits)];
}

/** Functions whose first argument is the name of a relation in a text, as harbor-db writes it. */
const relationFunctions = ["PG_GET_SERIAL_SEQUENCE", "NEXTVAL", "SETVAL"];

/** Whether a text names a relation, and is no value. */
function isRelationText(tokens: readonly Token[], at: number): boolean {
  return tokens[at]?.kind === "string" && tokens[at - 1]?.text === "(" &&
    relationFunctions.some((word) => isWord(tokens[at - 2], word));
}

/** `'"s.t"'` is `'"s"."t"'`. */
function relationText(token: Token, schemas: readonly string[]): readonly Edit[] {
  const name = /^'"((?:[^"']|"")+)"'$/.exec(token.text)?.[1];
  const { schema, bare } = placeOfName((name ?? "").replaceAll('""', '"'), schemas);
  return schema === null
    ? []
    : [{ from: token, to: token, text: `'${quoteName(schema)}.${quoteName(bare)}'` }];
}

function edited(sql: string, edits: readonly Edit[]): string {
  return edits.toSorted((a, b) => b.from.start - a.from.start).reduce(
    (text, { from, to, text: name }) =>
      text.slice(0, from.start) + name + text.slice(to.start + to.text.length),
    sql,
  );
}
