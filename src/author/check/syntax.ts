import type { Statement } from "../../history/statement.ts";
import type { Dialect } from "../../base/dialect.ts";
import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { Finding } from "../../base/finding.ts";
import type { History, Revision } from "../../history/history.ts";
import type { Script } from "../../history/script.ts";
import type { Client } from "../../engines/database.ts";
import { found, scriptOf } from "../read_scripts.ts";
import { loadPostgresParser, type PostgresParser } from "../../sql/postgres_parser.ts";

/** Finds statements that their dialect does not take: PostgreSQL's parser is asked, or SQLite itself, in memory. */
export async function checkSyntax(history: History, client: Client): Promise<readonly Finding[]> {
  return history.dialect === "sqlite" ? await trySqlite(history, client) : await checkStatements(history);
}

/** Finds statements that PostgreSQL's parser does not take. */
export async function checkStatements(history: History): Promise<readonly Finding[]> {
  return history.dialect === "postgresql" ? parseAll(history, await loadPostgresParser()) : [];
}

/** Runs every script up, and then every script down, each statement on its own, on a database in memory. */
async function trySqlite(history: History, client: Client): Promise<readonly Finding[]> {
  const { openSqliteMemory } = await import("../../engines/sqlite/driver.ts");
  const database = await openSqliteMemory({ client, access: "create" });
  try {
    const scripts = [
      ...history.revisions.map((revision) => ({ revision, script: scriptOf(revision.upgrade) })),
      ...history.revisions.toReversed().map((revision) => ({
        revision,
        script: scriptOf(revision.downgrade),
      })),
    ];
    for (const { revision, script } of scripts) {
      for (const statement of script?.statements ?? []) {
        const mode = statement.run.kind === "alone" ? "alone" : "schema";
        try {
          await database.write([sql.raw(statement.sql)], mode);
        } catch (error) {
          if (!(error instanceof HarborError)) throw error;
          const state = error.message.replace(/^Cannot run "[^]*": /, "");
          // What follows depends on it.
          return [badStatement({ revision, script: script!, statement, dialect: "sqlite" }, state, 0)];
        }
      }
    }
    return [];
  } finally {
    await database.close();
  }
}

function parseAll(history: History, parser: PostgresParser): readonly Finding[] {
  return history.revisions.flatMap((revision) =>
    [scriptOf(revision.upgrade), scriptOf(revision.downgrade)].flatMap((script) =>
      (script?.statements ?? []).flatMap((statement) => {
        try {
          parser.parse(statement.sql);
          return [];
        } catch (error) {
          if (!(error instanceof HarborError)) throw error;
          const state = error.message.replace(/^Cannot parse the statement: /, "");
          const offset = Number(error.details["offset"] ?? 0);
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
): Finding {
  const line = statement.line + statement.sql.slice(0, offset).split("\n").length - 1;
  return found("syntax", {
    message: `${script.file}:${line}: ${state}`,
    details: { dialect, revision: revision.id, file: script.file, line },
  }, "Edit the statement; then: harbor-db check --prove --accept-edits");
}
