import { breakpoint, type Script } from "../../../history/scripts/script.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";
import type { Operation } from "../../../sql/operations/operation.ts";
import type { ReadStatement } from "./script_operations.ts";

/**
 * Whether a script, run where nothing is, leaves a schema and nothing else: every statement is understood, and none brings rows. What
 * schema it is, and that a snapshot says all of it, is for the proof to see.
 *
 * @param schemas Those that the history names: of another one, with nothing in it, the proof sees nothing
 */
export function isPlain(script: readonly ReadStatement[], schemas: readonly string[]): boolean {
  const isKnown = (sql: string) => {
    const [, name] = madeSchema.exec(sql) ?? [];
    return name !== undefined &&
      schemas.includes(foldedName(tokensOf(name, "postgresql")[0], "postgresql") ?? "");
  };
  const rebuilds = script.some(({ operations }) => operations.some(({ kind }) => kind === "rebuild table"));
  return script.every(({ statement: { sql }, operations }) =>
    operations.every(isUsualSchema)
      // The first of the statements that copy a table stands for the others.
      ? (rebuilds && /^(?:INSERT INTO|DROP TABLE|ALTER TABLE)\b/i.test(sql)) || isOfSchema.test(sql) ||
        isKnown(sql)
      : operations.every((each) => isUsualSchema(each) || isSeen(each) || isKnown(sql)) && !isBeyond.test(sql)
  );
}

/** drizzle-kit names it in references. What is in another one that the history does not have, nobody looks at. */
function isUsualSchema(operation: Operation): boolean {
  return operation.kind === "names schema" && operation.schema === "public";
}

function isSeen(operation: Operation): boolean {
  if (operation.kind === "create other" || operation.kind === "rename other") {
    return operation.what !== "schema";
  }
  if (operation.kind === "drop other") return ["schema", "type", "view"].includes(operation.what);
  return !["insert", "hidden", "names schema"].includes(operation.kind);
}

const comments = String.raw`(?:\s|--.*\n|/\*(?:[^*]|\*(?!/))*\*/)*`;

const madeSchema = new RegExp(
  `^${comments}` +
    String
      .raw`(?:CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?|ALTER\s+SCHEMA\s+(?:"[^"]+"|\w+)\s+RENAME\s+TO\s+)("[^"]+"|\w+)$`,
  "i",
);

/** What is seen of a schema beside its tables: enum types, views and sequences, with nothing of who owns them. */
const isOfSchema = new RegExp(
  `^${comments}(?:` + String
    .raw`CREATE\s+(?:SEQUENCE|(?:OR\s+REPLACE\s+)?(?:MATERIALIZED\s+)?VIEW)\b|CREATE\s+TYPE\b[^(]*\bAS\s+ENUM\b|` +
    String
      .raw`ALTER\s+TYPE\b[^']*\b(?:ADD|RENAME)\b|ALTER\s+(?:VIEW|MATERIALIZED\s+VIEW)\b.*\bRENAME\s+TO\b|` +
    String
      .raw`DROP\s+(?:SCHEMA|TYPE|VIEW|MATERIALIZED\s+VIEW|SEQUENCE)\b)`,
  "i",
);

/** What the server or the file has, and no schema; and a table that a query fills. Comments before it are read in one way alone. */
const isBeyond = new RegExp(
  `^${comments}(?:` +
    String
      .raw`(?:CREATE|ALTER|DROP)\s+(?:DATABASE|SYSTEM|TABLESPACE)\b|PRAGMA\s+(?!(?:defer_)?foreign_keys\b)|` +
    String.raw`CREATE\s+(?:\w+\s+)*TABLE\b[^]*\bAS\s*\(?\s*(?:SELECT|VALUES|WITH|TABLE)\b)`,
  "i",
);

const ownWord = /^\s*(?:BEGIN|START|COMMIT|END)\b[^;]*;?/i;

/**
 * Returns a script's text without the BEGIN and COMMIT around all of it, which would stand in the middle of others; as it is where one
 * of them does not begin its line: a COMMIT without its BEGIN would leave what follows outside of the transaction.
 */
export function withoutTransaction(text: string, script: Script | null): string {
  if (script === null || script.isCut) return text;
  const lines = text.split("\n");
  for (const line of script.leftOut) {
    const said = lines[line - 1]!;
    if (!ownWord.test(said)) return text;
    lines[line - 1] = said.replace(ownWord, "");
  }
  return lines.join("\n");
}

/** Puts scripts one behind the other, under a name of their own. */
export function joinScripts(name: string, texts: readonly string[]): string {
  const parts = texts.map((text) => text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n").trim());
  return `-- ${name}\n${parts.join(`\n${breakpoint}\n`)}\n`;
}
