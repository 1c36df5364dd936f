import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Dialect } from "../base/dialect.ts";
import { HarborError, messageOf } from "../base/errors.ts";
import { readWrittenText } from "../base/files/written_text.ts";
import { loadQueryPlanner } from "../engines/open/query_planner.ts";
import type { RunContext } from "../engines/run_context.ts";
import { splitStatements } from "../history/scripts/script.ts";
import type { QuerySource } from "./query_plans.ts";
import type { Query } from "./rules/queries.ts";

/** More than an application's statements take. */
const mostBytes = 16 * 2 ** 20;

/**
 * Reads the queries of a file, of the files `*.sql` in a folder, or those that the server has seen.
 *
 * @param given What the user wrote, and the path that it means
 * @throws {HarborError} `bad_config` when there are none, `bad_script` when a string or comment does not end, `file_failed` for a file that is not UTF-8
 */
export async function readQueries(
  { database }: RunContext,
  given: { readonly text: string; readonly path: string },
): Promise<QuerySource> {
  const { record } = await loadQueryPlanner(database.dialect);
  if (given.text === record?.name) {
    const { queries, remarks } = await record.read(database);
    if (queries.length === 0) throw none(given.text, "it has no query of this database");
    return { queries: queries.map(({ place, sql }) => ({ place: `${given.text}, ${place}`, sql })), remarks };
  }
  const queries = filesAt(given).flatMap((file) => queriesIn(file, database.dialect));
  if (queries.length === 0) throw none(given.text, "there is no statement in it");
  return { queries, remarks: [] };
}

interface NamedFile {
  /** As it is shown. */
  readonly text: string;
  readonly path: string;
}

function filesAt({ text, path }: NamedFile): readonly NamedFile[] {
  const names = isFolder(path) ? namesIn({ text, path }) : null;
  if (names === null) return [{ text, path }];
  if (names.length === 0) throw none(text, "the folder has no file *.sql");
  return names.map((name) => ({ text: join(text, name), path: join(path, name) }));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function namesIn({ text, path }: NamedFile): readonly string[] {
  try {
    return readdirSync(path).filter((name) => name.endsWith(".sql")).toSorted();
  } catch (error) {
    throw none(text, messageOf(error));
  }
}

function queriesIn({ text: file, path }: NamedFile, dialect: Dialect): readonly Query[] {
  const text = readWrittenText(path, mostBytes);
  if (text === undefined) throw none(file, "there is no such file");
  return splitStatements({ file, dialect, text }).map(({ sql, line }) => ({ place: `${file}:${line}`, sql }));
}

function none(given: string, state: string): HarborError {
  return new HarborError("bad_config", `Cannot read queries from "${given}"`, {
    state,
    hint:
      "Give a file with the application's statements, each with a semicolon at its end: --queries queries.sql",
  });
}
