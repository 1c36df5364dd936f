import type { Held } from "../../held.ts";
import type { Database } from "../../database.ts";
import { sql } from "drizzle-orm";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { isOfMirror } from "./mirror/mirror.ts";
import { openReplica, type Replica, type SchemaRow } from "./form/replica.ts";
import { dependentsQuery, isNamed } from "../transaction/table_rebuild.ts";

/**
 * Runs scripts on the tables without their rows, in memory, to see whether a view, a trigger or an index that they do not name keeps
 * one from running, or works no more behind the last: SQLite keeps a column that a view reads, and lets one go that a trigger writes. What
 * works no more for a while is left to the scripts.
 *
 * @returns `null` where nothing does, or where only the rows or what the application brings can tell
 */
export async function findHolders(
  database: Database,
  scripts: readonly (readonly string[])[],
): Promise<Held | null> {
  const schema = (await database.read<SchemaRow>(sql.raw(dependentsQuery.text)))
    .filter(({ name }) => !isOfMirror(name));
  const texts = scripts.flat().map((text) => ({ text, values: [] }));
  // An index holds nothing but what goes.
  const isAnyGone = texts.some(({ text }) => /\b(?:drop|rename)\b/i.test(text));
  const isBeside = (row: SchemaRow) =>
    row.type !== "table" && (isAnyGone || row.type !== "index") && !isNamed(row, texts);
  if (!schema.some(isBeside)) return null;
  const whole = openReplica(schema);
  if (whole === null) return null;
  // What does not work there from the start tells nothing: a virtual table that it uses is not there, or it is broken already.
  const beside = schema.filter((row) => isBeside(row) && works(whole, row));
  /** Returns the place of the first script with which something goes wrong for good beside some of these; `null` where that cannot be told. */
  const firstFailure = (some: readonly SchemaRow[]): number | null => {
    const replica = openReplica(schema.filter((row) => !isBeside(row) || some.includes(row)));
    // A view needs those that it reads.
    if (replica === null || some.some((row) => !works(replica, row))) return null;
    /** Where each began to work no more. */
    let broken: ReadonlyMap<SchemaRow, number> = new Map();
    for (const [place, script] of scripts.entries()) {
      const failure = replica.failureOf(script);
      if (failure !== null) return missing.test(failure) ? place : null;
      const failing = some.filter((row) => !works(replica, row));
      broken = new Map(failing.map((row) => [row, broken.get(row) ?? place]));
    }
    return Math.min(scripts.length, ...broken.values());
  };
  const script = firstFailure(beside);
  if (script === null || script === scripts.length) return null;
  // What fails without them fails for another reason.
  if ((firstFailure([]) ?? 0) <= script) return null;
  const objects: SchemaRow[] = [];
  const passing: SchemaRow[] = [];
  for (const each of beside) {
    const failed = firstFailure([...passing, each]);
    if (failed !== null) (failed <= script ? objects : passing).push(each);
  }
  return objects.length === 0 ? null : {
    script,
    objects: objects.map(({ type, name, sql }) => ({ kind: type, name, sql })),
  };
}

/** What SQLite says where something is not there or has other columns. What else fails may run with the rows, or on a server. */
const missing = /no such (?:column|table|view)|no column named|columns but|result columns|ambiguous column/;

/** Whether a view can be read, and the table of a trigger written to. A trigger is gone with its table, and an index never fails. */
function works(replica: Replica, { type, name, table }: SchemaRow): boolean {
  if (type === "view") return compiles(replica, `SELECT * FROM ${quoteName(name)}`);
  const columns = type !== "trigger" ? [] : replica.rows<{ readonly name: string }>(
    `SELECT name FROM pragma_table_info(${quoteText(table)})`,
  ).map((column) => quoteName(column.name));
  const set = columns.map((column) => `${column} = ${column}`).join(", ");
  const [of, some] = [quoteName(table), columns.join(", ")];
  return columns.length === 0 ||
    [
      `DELETE FROM ${of}`,
      `UPDATE ${of} SET ${set}`,
      `INSERT INTO ${of} (${some}) SELECT ${some} FROM ${of}`,
    ].every((text) => compiles(replica, text));
}

function compiles(replica: Replica, text: string): boolean {
  try {
    replica.rows(`EXPLAIN ${text}`);
    return true;
  } catch {
    return false;
  }
}
