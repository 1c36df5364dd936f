import type { SQL } from "drizzle-orm";
import { stopIfAsked } from "../../../base/interrupt.ts";
import { HarborError } from "../../../base/errors.ts";
import type { Database, ReadLimits } from "../../database.ts";
import { compileRead, type SqliteStatement } from "../connection/statement.ts";
import { type FileJob, runApart } from "./large_file.ts";

/** A query that a thread runs, over a connection of its own. */
export interface QueryJob extends FileJob, SqliteStatement {
  readonly verb: "query";
  readonly url: string;
}

/** Returns what reads from a file in a thread: SQLite lets nothing else run in its own, and nothing ends a statement. */
export function readingApart(path: string, url: string): NonNullable<Database["readApart"]> {
  return async <Row>(statement: SQL, { signal }: ReadLimits) => {
    stopIfAsked(signal);
    const job: QueryJob = { verb: "query", path, url, ...compileRead(statement) };
    return await runApart<Row[]>(job, { signal, leave });
  };
}

function leave(): HarborError {
  return new HarborError("interrupted", "Stopped on request");
}
