import { type Statement, ways } from "../../history/scripts/statement.ts";
import type { Dialect } from "../../base/dialect.ts";
import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { hiderOf } from "../../base/secrets/hide_secrets.ts";
import type { ProjectFinding } from "../rules/folder/finding.ts";
import type { History, Revision } from "../../history/history.ts";
import { garbledAt, garbledState } from "../../history/scripts/refuse_garbled.ts";
import { parseScript, type Script } from "../../history/scripts/script.ts";
import { readKitSnapshot } from "../../schema/kit_snapshot.ts";
import { draftWhole } from "../draft_revision.ts";
import { loadDrizzleEngine } from "../project/drizzle_engine.ts";
import type { Client, Database } from "../../engines/database.ts";
import { openScratch } from "../../engines/open/scratch.ts";
import { userStatement } from "../../engines/statement_names.ts";
import type { Scratch } from "../../engines/scratch.ts";
import { found, scriptOf } from "../project/read_scripts.ts";
import { independentGroups } from "./rules/independent_groups.ts";
import { loadPostgresParser, type PostgresParser } from "../../sql/operations/postgres_parser.ts";

/**
 * Finds statements that their dialect does not take: PostgreSQL's parser is asked, or SQLite itself, in memory.
 *
 * @param released How many revisions are: of these an upgrade is a warning, since nobody can change it any more
 */
export async function checkSyntax(
  history: History,
  client: Client,
  released = 0,
): Promise<readonly ProjectFinding[]> {
  const garbled = upAndDown(history).statements.filter(({ script, statement }) =>
    garbledAt(script, statement) >= 0
  );
  if (garbled.length > 0) {
    const { dialect } = history;
    return garbled.map((each) =>
      badStatement({ ...each, dialect }, garbledState, garbledAt(each.script, each.statement))
    );
  }
  const found = await checkers[history.dialect].inFull(history, { client, released });
  const fixed = new Set(
    history.revisions.slice(0, released).flatMap((each) => scriptOf(each.upgrade)?.file ?? []),
  );
  return found.map((each) =>
    each.status === "fail" && fixed.has(String(each.details["file"]))
      ? { ...each, status: "warn", hint: null }
      : each
  );
}

/** Finds statements that a parser does not take, where there is one that needs no database. */
export async function checkStatements(history: History): Promise<readonly ProjectFinding[]> {
  return await checkers[history.dialect].byParser(history);
}

/** How the statements of a dialect are looked at. */
interface Checker {
  inFull(
    history: History,
    setting: { readonly client: Client; readonly released: number },
  ): Promise<readonly ProjectFinding[]>;
  byParser(history: History): Promise<readonly ProjectFinding[]>;
}

const parseStatements = async (history: History) => parseAll(history, await loadPostgresParser());

const checkers: Readonly<Record<Dialect, Checker>> = {
  sqlite: { inFull: trySqlite, byParser: () => Promise.resolve([]) },
  postgresql: { inFull: parseStatements, byParser: parseStatements },
};

/**
 * Runs every script up, and then every script down to the first that is missing, each statement on its own, on a database
 * in memory. Where one that is released fails, those after the baseline are run on the schema of its snapshot.
 */
async function trySqlite(
  history: History,
  { client, released }: { readonly client: Client; readonly released: number },
): Promise<readonly ProjectFinding[]> {
  const scratch = (await openScratch(history.dialect, null, { client }))!;
  const run = upAndDown(history);
  if (await passesApart(run, scratch)) return [];
  const [found] = await scratch((database) => runAll(run.statements, database));
  if (found === undefined) return [];
  const at = history.revisions.findIndex(({ id }) => id === found.details["revision"]);
  const baseline = history.revisions[released - 1];
  const later = upAndDown({ ...history, revisions: history.revisions.slice(released) });
  if (baseline === undefined || at >= released || later.statements.length === 0) return [found];
  return [found, ...await tryBehind(baseline, later, scratch)];
}

/** Runs what comes after the baseline where the scripts do not lead there. */
async function tryBehind(
  baseline: Revision,
  { statements }: UpAndDown,
  scratch: Scratch,
): Promise<readonly ProjectFinding[]> {
  try {
    const snapshot = readKitSnapshot(baseline.snapshot());
    const { up: text } = await draftWhole("From its snapshot", snapshot, await loadDrizzleEngine());
    const file = `the snapshot of ${baseline.id}`;
    const whole = parseScript({ file, text, dialect: "sqlite" }).statements;
    return await scratch(async (database) => {
      await database.write(whole.map((each) => userStatement(sql.raw(each.sql))), "schema");
      return await runAll(statements, database);
    });
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const message = `what comes after ${baseline.id} was not tried: ${error.message}`;
    return [found("syntax", { status: "warn", message, details: { dialect: "sqlite" } }, error.hint ?? null)];
  }
}

/** A statement of a history, and where it stands. */
interface PlacedStatement {
  readonly revision: Revision;
  readonly script: Script;
  readonly statement: Statement;
}

/** The statements that lead up to head and back again. */
interface UpAndDown {
  readonly statements: readonly PlacedStatement[];
  /** Whether each revision has a way back. */
  readonly isWhole: boolean;
}

function upAndDown({ revisions }: History): UpAndDown {
  const down = revisions.toReversed().map((revision) => ({
    revision,
    script: scriptOf(revision.downgrade),
  }));
  const end = down.findIndex(({ script }) => script === null);
  const scripts = [
    ...revisions.map((revision) => ({ revision, script: scriptOf(revision.upgrade) })),
    ...end < 0 ? down : down.slice(0, end),
  ];
  const statements = scripts.flatMap(({ revision, script }) =>
    script === null ? [] : script.statements.map((statement) => ({ revision, script, statement }))
  );
  return { statements, isWhole: end < 0 };
}

/**
 * Says whether all statements run when those about one table have a database of their own, and leave nothing there, which
 * takes a fraction of the time. Where they do not, running them all on one tells what is wrong, if anything is.
 */
async function passesApart({ statements, isWhole }: UpAndDown, scratch: Scratch): Promise<boolean> {
  if (!isWhole || !statements.every(isShared)) return false;
  const groups = independentGroups(statements.map(({ statement }) => statement.sql));
  for (const group of groups ?? []) {
    const left = await scratch(async (database) => {
      try {
        await database.write(group.map((text) => userStatement(sql.raw(text))), "schema");
      } catch (error) {
        if (!(error instanceof HarborError)) throw error;
        return [error];
      }
      return await database.read(sql`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'`);
    });
    if (left.length > 0) return false;
  }
  return groups !== null;
}

function isShared({ statement }: PlacedStatement): boolean {
  return ways[statement.run.kind].isInTransaction;
}

/** Runs all statements, those of a script at once that share a transaction, as an upgrade does; stops at the first that fails. */
async function runAll(
  all: readonly PlacedStatement[],
  database: Database,
): Promise<readonly ProjectFinding[]> {
  for (let next = 0; next < all.length;) {
    const first = all[next]!;
    const rest = all.findIndex((each, at) =>
      at > next && (each.script !== first.script || !isShared(each) || !isShared(first))
    );
    const batch = all.slice(next, rest < 0 ? all.length : rest);
    const statements = batch.map(({ statement }) => userStatement(sql.raw(statement.sql)));
    try {
      await database.write(statements, isShared(first) ? "schema" : "alone");
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      const failed = batch[error.details.index ?? 0]!;
      // What follows depends on it.
      if (error.details.isLibsqls === true) return [untried(failed)];
      return [badStatement({ ...failed, dialect: "sqlite" }, error.state, 0)];
    }
    next += batch.length;
  }
  return [];
}

/** It may be right, and only libSQL's servers know. */
function untried({ revision, script, statement }: PlacedStatement): ProjectFinding {
  const { file } = script;
  return found("syntax", {
    status: "warn",
    message:
      `${file}:${statement.line}: ALTER COLUMN … TO is libSQL's own: neither it nor what follows was tried`,
    details: { dialect: "sqlite", revision: revision.id, file, line: statement.line },
  }, "Nothing has to be done where all its databases are on libSQL servers; a SQLite file does not take it.");
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
  { revision, script, statement, dialect }: PlacedStatement & { readonly dialect: Dialect },
  state: string,
  offset: number,
): ProjectFinding {
  const line = statement.line + statement.sql.slice(0, offset).split("\n").length - 1;
  return found("syntax", {
    message: `${script.file}:${line}: ${hiderOf(statement.sql)(state)}`,
    details: { dialect, revision: revision.id, file: script.file, line },
  }, "Edit the statement; then: harbor-db check --prove --accept-edits");
}
