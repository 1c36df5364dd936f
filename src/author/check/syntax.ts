import { type Statement, ways } from "../../history/statement.ts";
import type { Dialect } from "../../base/dialect.ts";
import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { ProjectFinding } from "../rules/check_folder.ts";
import type { History, Revision } from "../../history/history.ts";
import type { Script } from "../../history/script.ts";
import type { Client, Database } from "../../engines/database.ts";
import { openScratch } from "../../engines/open/scratch.ts";
import { userStatement } from "../../engines/statement_names.ts";
import { found, scriptOf } from "../read_scripts.ts";
import { loadPostgresParser, type PostgresParser } from "../../sql/postgres_parser.ts";

/** Finds statements that their dialect does not take: PostgreSQL's parser is asked, or SQLite itself, in memory. */
export async function checkSyntax(history: History, client: Client): Promise<readonly ProjectFinding[]> {
  return await checkers[history.dialect].inFull(history, client);
}

/** Finds statements that a parser does not take, where there is one that needs no database. */
export async function checkStatements(history: History): Promise<readonly ProjectFinding[]> {
  return await checkers[history.dialect].byParser(history);
}

/** How the statements of a dialect are looked at. */
interface Checker {
  inFull(history: History, client: Client): Promise<readonly ProjectFinding[]>;
  byParser(history: History): Promise<readonly ProjectFinding[]>;
}

const parseStatements = async (history: History) => parseAll(history, await loadPostgresParser());

const checkers: Readonly<Record<Dialect, Checker>> = {
  sqlite: { inFull: trySqlite, byParser: () => Promise.resolve([]) },
  postgresql: { inFull: parseStatements, byParser: parseStatements },
};

/**
 * Runs every script up, and then every script down to the first that is missing, each statement on its own, on a database
 * in memory.
 */
async function trySqlite(history: History, client: Client): Promise<readonly ProjectFinding[]> {
  const scratch = await openScratch(history.dialect, null, client);
  const findings = await scratch!((database) => runAll(history, database, true));
  // One by one they take long; so they are only run where one is to be found.
  return findings.length === 0 ? [] : await scratch!((database) => runAll(history, database, false));
}

/** Runs all scripts, as many statements at once as share a mode, or one by one; stops at the first that fails. */
async function runAll(
  history: History,
  database: Database,
  areTogether: boolean,
): Promise<readonly ProjectFinding[]> {
  const down = history.revisions.toReversed().map((revision) => ({
    revision,
    script: scriptOf(revision.downgrade),
  }));
  const end = down.findIndex(({ script }) => script === null);
  const scripts = [
    ...history.revisions.map((revision) => ({ revision, script: scriptOf(revision.upgrade) })),
    ...end < 0 ? down : down.slice(0, end),
  ];
  const all = scripts.flatMap(({ revision, script }) =>
    script === null ? [] : script.statements.map((statement) => ({ revision, script, statement }))
  );
  const isShared = ({ statement }: typeof all[number]) => ways[statement.run.kind].isInTransaction;
  for (let next = 0; next < all.length;) {
    const first = all[next]!;
    const rest = all.findIndex((each, at) =>
      at > next && (!areTogether || !isShared(each) || !isShared(first))
    );
    const batch = all.slice(next, rest < 0 ? all.length : rest);
    const statements = batch.map(({ statement }) => userStatement(sql.raw(statement.sql)));
    try {
      await database.write(statements, isShared(first) ? "schema" : "alone");
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      // What follows depends on it.
      return [badStatement({ ...first, dialect: history.dialect }, error.state, 0)];
    }
    next += batch.length;
  }
  return [];
}

function parseAll(history: History, parser: PostgresParser): readonly ProjectFinding[] {
  return history.revisions.flatMap((revision) =>
    [scriptOf(revision.upgrade), scriptOf(revision.downgrade)].flatMap((script) =>
      (script?.statements ?? []).flatMap((statement) => {
        try {
          parser.refuse(statement.sql);
          return [];
        } catch (error) {
          if (!(error instanceof HarborError)) throw error;
          const { state, details: { offset = 0 } } = error;
          return [
            badStatement({ revision, script: script!, statement, dialect: "postgresql" }, state, offset),
          ];
        }
      })
    )
  );
}

function badStatement(
  { revision, script, statement, dialect }: {
    readonly revision: Revision;
    readonly script: Script;
    readonly statement: Statement;
    readonly dialect: Dialect;
  },
  state: string,
  offset: number,
): ProjectFinding {
  const line = statement.line + statement.sql.slice(0, offset).split("\n").length - 1;
  return found("syntax", {
    message: `${script.file}:${line}: ${state}`,
    details: { dialect, revision: revision.id, file: script.file, line },
  }, "Edit the statement; then: harbor-db check --prove --accept-edits");
}
