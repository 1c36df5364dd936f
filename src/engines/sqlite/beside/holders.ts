import type { Held } from "../../held.ts";
import type { Database } from "../../database.ts";
import { sql } from "drizzle-orm";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { isOfMirror } from "./mirror/mirror.ts";
import { openReplica, type Replica, type SchemaRow } from "./form/replica.ts";
import { dependentsQuery, isNamed } from "../transaction/table_rebuild.ts";

/**
 * Runs scripts on the tables without their rows, in memory, to see whether a view, a trigger or an index that they do not name keeps
 * one from running, or works no more behind it: SQLite keeps a column that a view reads, and lets one go that a trigger writes.
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
  const isBeside = (row: SchemaRow) => row.type !== "table" && !isNamed(row, texts);
  const beside = schema.filter(isBeside);
  if (beside.length === 0) return null;
  /** Returns the place of the first script with which something goes wrong there; `null` where the schema cannot be made. */
  const firstFailure = (rows: readonly SchemaRow[]): number | null => {
    const replica = openReplica(rows);
    if (replica === null) return null;
    const working = rows.filter((row) => isBeside(row) && works(replica, row));
    const failed = scripts.findIndex((script) =>
      !replica.run(script) || working.some((row) => !works(replica, row))
    );
    return failed < 0 ? scripts.length : failed;
  };
  const script = firstFailure(schema);
  if (script === null || script === scripts.length) return null;
  const bare = schema.filter((row) => !isBeside(row));
  // What fails without them fails for another reason.
  if ((firstFailure(bare) ?? 0) <= script) return null;
  const objects = beside.filter((each) => {
    const failed = firstFailure(schema.filter((row) => row === each || !isBeside(row)));
    return failed !== null && failed <= script;
  });
  return objects.length === 0 ? null : {
    script,
    objects: objects.map(({ type, name, sql }) => ({ kind: type, name, sql })),
  };
}

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
