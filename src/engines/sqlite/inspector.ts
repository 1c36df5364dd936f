import { keptRow } from "../kept_table.ts";
import { type Found, pass } from "../../base/finding.ts";
import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import { rowsOfForm } from "../../base/row_form.ts";
import type { Inspector, Probe } from "../inspector.ts";
import type { Database } from "../database.ts";
import { definitionsQuery, foreignPart, foreignPartError } from "./connection/errors.ts";
import { readUnsaid } from "./unsaid.ts";
import { compareIndexes } from "./compare_indexes.ts";

/**
 * Inspects SQLite files and libSQL servers.
 *
 * `PRAGMA integrity_check` is one statement that reads everything: on a million rows it took four seconds, in which
 * a file in rollback-journal mode can take no write. So it is done in its two parts. `quick_check`, a tenth of it, is
 * one statement; the rest, whether each row has its entry in each index and no entry is without a row, is looked at in
 * slices.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_integrity_check
 */
export const sqliteInspector: Inspector = {
  probes: ({ quick }) => [quickCheck, foreignKeyCheck, ...quick ? [] : [indexCheck]].map(judged),
  async damage(database, look = "whole") {
    const check = sql.raw(look === "whole" ? "integrity_check" : "quick_check");
    try {
      return problemsOf(await database.read(sql`SELECT ${check} AS problem FROM pragma_${check}`));
    } catch (error) {
      if (isUnknownToServer(error)) return [];
      await sayForeignPart(database, error);
      if (!(error instanceof HarborError) || error.code !== "not_a_database") throw error;
      return [error.cause instanceof Error ? error.cause.message : error.message];
    }
  },
  // Opening the file for writing tells.
  tableSettings: () => Promise.resolve([]),
  unsaid: readUnsaid,
  // Whoever connects decides that for themselves.
  unenforced: () => Promise.resolve([]),
  eventTriggers: () => Promise.resolve([]),
  attachments: () => Promise.resolve([]),
  async tableSizes(database) {
    const rows = await database.read<{ name: string; bytes: number }>(
      sql`SELECT s.tbl_name AS name, sum(d.pgsize) AS bytes FROM dbstat d JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = TRUE GROUP BY s.tbl_name`,
    ).catch((error) => {
      if (isUnknownToServer(error)) return [];
      throw error;
    });
    return new Map(rows.map((row) => [row.name, Number(row.bytes)]));
  },
  leftCopies: () => Promise.resolve([]),
  async sideTables(database) {
    const rows = await database.read<{ name: string }>(
      sql`SELECT name FROM sqlite_schema m WHERE type = 'table' AND lower(name) GLOB 'harbor_kept_[0-9]*' AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = ${keptRow}) ORDER BY name`,
    );
    return rows.map(({ name }) => name).filter((name) => /^harbor_kept_[0-9]+$/i.test(name));
  },
};

const quickCheck: Probe = {
  name: "quick_check",
  async run(database) {
    const problems = problemsOf(
      await database.read(sql`SELECT quick_check AS problem FROM pragma_quick_check`),
    );
    return problems.length === 0 ? pass("every page can be read") : damaged(problems);
  },
};

const indexCheck: Probe = {
  name: "indexes",
  async run(database, pace) {
    const { indexes, entries, problems } = await compareIndexes(database, pace);
    return problems.length > 0
      ? damaged(problems, "Make the indexes anew from their rows: sqlite3 FILE 'REINDEX'")
      : pass(
        `${counted(entries, "entry", "entries")} of ${
          counted(indexes, "index", "indexes")
        } agree with their rows`,
      );
  },
};

const foreignKeyCheck: Probe = {
  name: "foreign_key_check",
  async run(database) {
    const groups = await database.read<Dangling>(
      sql`SELECT "table" AS child, parent, count(*) AS count, min("rowid") AS first FROM pragma_foreign_key_check GROUP BY 1, 2`,
    );
    if (groups.length === 0) return pass("every reference has its row");
    const words = groups.map(({ child, parent, count }) => `${count} of ${child} to ${parent}`).join(", ");
    return {
      status: "fail",
      message: `rows refer to rows that do not exist: ${words}`,
      hint:
        "See which they are: SELECT * FROM pragma_foreign_key_check. Then remove them, or restore what they refer to.",
      details: { references: groups },
    };
  },
};

interface Dangling {
  readonly child: string;
  readonly parent: string;
  readonly count: number;
  /** The row id of the first one. */
  readonly first: number;
}

function problemsOf(rows: readonly unknown[]): readonly string[] {
  return rowsOfForm("integrity_check", { problem: "text" }, rows)
    .map((row) => row.problem).filter((problem) => problem !== "ok");
}

function damaged(problems: readonly string[], hint = restoreHint): Found {
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
  return {
    status: "fail",
    message: `the database is damaged: ${problems[0]}${more}`,
    hint,
    details: { problems },
  };
}

const restoreHint =
  "Stop the application and copy the file; then harbor-db backup list, and harbor-db restore <backup>. What only the damaged file has: sqlite3 FILE .recover";

/** Returns a probe that also knows what it means when its own statement fails. */
function judged({ name, run }: Probe): Probe {
  return {
    name,
    run: (database, pace) =>
      run(database, pace).catch(async (error: unknown) => {
        if (isUnknownToServer(error)) return refused(name);
        await sayForeignPart(database, error);
        if (!(error instanceof HarborError) || error.code !== "not_a_database") throw error;
        return damaged([error.cause instanceof Error ? error.cause.message : error.message]);
      }),
  };
}

/** @throws {HarborError} `statement_failed` with the table that only its application can read */
async function sayForeignPart(database: Database, error: unknown): Promise<void> {
  const part = error instanceof HarborError ? foreignPart(error.state) : null;
  if (part === null) return;
  const definitions = await database.read<{ table: string; sql: string }>(sql.raw(definitionsQuery));
  throw foreignPartError(`read "${database.url}"`, part, definitions);
}

function refused(name: string): Found {
  return {
    status: "warn",
    message: `the server does not allow ${name}, so this was not checked`,
    hint: "Ask the server's operator to run it, or leave it: --skip integrity",
    details: { notChecked: [name] },
  };
}

/** Whether a server refuses a pragma or a virtual table that SQLite itself has. */
function isUnknownToServer(error: unknown): boolean {
  return error instanceof HarborError &&
    /not authorized|unsupported|not allowed|no such (table|module): (pragma_|dbstat)/i.test(error.message);
}
