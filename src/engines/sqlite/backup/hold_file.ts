import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { stopIfAsked } from "../../../base/interrupt.ts";
import { stoppedBackup } from "../../../base/stop_backup.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import type { ComparedColumn, ComparedTable, HoldContents } from "../../watch/held_contents.ts";
import { affinityOf } from "../../../sql/affinity.ts";
import { type FileJob, isLarge, runApart } from "../apart/large_file.ts";
import { execute, mostMappedBytes, prepare } from "../connection/open_file.ts";

/** A file, and the one that it was a copy of. */
interface Files {
  readonly path: string;
  readonly was: string;
}

/** The comparison of one table, for a thread. */
export interface CompareJob extends FileJob, Files {
  readonly verb: "compare";
  readonly table: ComparedTable;
}

/** Holds what is in a file by another one from which it was copied, and which stays as it is. */
export function holdFile(files: Files): HoldContents {
  return () =>
    Promise.resolve({
      async changed(table, signal) {
        stopIfAsked(signal);
        const job: CompareJob = { verb: "compare", ...files, table };
        return isLarge(files.path) ? await runApart(job, { signal, leave: stoppedBackup }) : compareHere(job);
      },
    });
}

/** Compares in the thread that calls it. */
export function compareHere({ path, was, table }: CompareJob): readonly string[] | null {
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    const url = pathToFileURL(was);
    url.search = "?mode=ro&immutable=1";
    execute(file, `ATTACH ${quoteText(url.href)} AS was`);
    for (const schema of ["main", "was"]) execute(file, `PRAGMA ${schema}.mmap_size = ${mostMappedBytes}`);
    execute(file, "BEGIN");
    return changedColumns(file, table);
  } finally {
    file.close();
  }
}

function changedColumns(file: DatabaseSync, table: ComparedTable): readonly string[] | null {
  const { key, columns } = table;
  const isThere = (query: string) => prepare(file, `SELECT EXISTS (${query}) AS it`).get()?.["it"] === 1n;
  const [now, then] = [quoteName(table.name), `was.${quoteName(table.was)}`];
  const keyOf = (of: (column: ComparedColumn) => string) => key.map((column) => quoteName(of(column)));
  // A key other than an INTEGER PRIMARY KEY may be NULL in any number of rows.
  if (
    isThere(
      `SELECT 1 FROM ${then} WHERE ${keyOf(({ was }) => was).map((name) => `${name} IS NULL`).join(" OR ")}`,
    )
  ) {
    return null;
  }
  const countOf = (from: string) => prepare(file, `SELECT count(*) AS n FROM ${from}`).get()?.["n"];
  const same = key.map(({ name, was }) => `o.${quoteName(was)} = n.${quoteName(name)}`).join(" AND ");
  const isAlone = `SELECT 1 FROM ${then} AS o WHERE NOT EXISTS (SELECT 1 FROM ${now} AS n WHERE ${same})`;
  const all = () => columns.map(({ name }) => name);
  if (countOf(`main.${now}`) !== countOf(then)) return all();
  // Its key of then may be one no longer: of two rows of now that have the same one, a row of then is missing.
  if (!isKeyOf(file, table) && isThere(isAlone)) return all();
  const from = `FROM main.${now} AS n LEFT JOIN ${then} AS o ON ${same}`;
  const without = `o.${quoteName(key[0]!.was)} IS NULL`;
  const texts = [textColumns(file, "main", table.name), textColumns(file, "was", table.was)] as const;
  const tests = columns.map((column) =>
    isOther(column, { isText: texts[0].has(column.name) && texts[1].has(column.was) })
  );
  if (!isThere(`SELECT 1 ${from} WHERE ${[without, ...tests].join(" OR ")}`)) return [];
  const row = prepare(
    file,
    `SELECT max(${without}) AS alone, ${
      tests.map((test, at) => `max(${test}) AS c${at}`).join(", ")
    } ${from}`,
  ).get()!;
  if (row["alone"] === 1n) return all();
  return columns.filter((_, at) => row[`c${at}`] === 1n).map(({ name }) => name);
}

/**
 * Byte by byte, whatever the column's collation and affinity take for equal.
 *
 * @param isText Whether it is to hold texts: only a whole and a real number are the same to `IS`, and it makes texts of both
 */
function isOther({ name, was }: ComparedColumn, { isText }: { readonly isText: boolean }): string {
  const [now, then] = [`n.${quoteName(name)}`, `o.${quoteName(was)}`];
  const isOtherValue = `+${now} IS NOT +${then} COLLATE BINARY`;
  return isText ? isOtherValue : `typeof(${now}) <> typeof(${then}) OR ${isOtherValue}`;
}

/** Returns the columns whose affinity makes texts of numbers. */
function textColumns(file: DatabaseSync, schema: "main" | "was", table: string): ReadonlySet<string> {
  const rows = prepare(
    file,
    `SELECT name, type FROM pragma_table_xinfo(${quoteText(table)}, ${quoteText(schema)})`,
  ).all();
  return new Set(
    rows.filter(({ type }) => affinityOf(String(type)) === "text").map(({ name }) => String(name)),
  );
}

/** Says whether a key of then is the whole primary key now as well. */
function isKeyOf(file: DatabaseSync, { name, key }: ComparedTable): boolean {
  const rows = prepare(file, `SELECT name FROM pragma_table_info(${quoteText(name)}, 'main') WHERE pk > 0`)
    .all();
  const names = new Set(key.map((column) => column.name));
  return rows.length === key.length && rows.every((row) => names.has(String(row["name"])));
}
