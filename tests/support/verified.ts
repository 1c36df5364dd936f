import { openBackups } from "../../src/backup/open_backups.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { allChecks } from "../../src/verify/checks/all.ts";
import { type Verification, verify, type VerifyOptions } from "../../src/verify/verify.ts";
import type { History } from "../../src/history/history.ts";
import { schemasOfHistory } from "../../src/history/revision_schema.ts";
import { contextOf } from "./samples/adoption.ts";
import { addFiles, storageFields } from "./samples/application.ts";
import { type Engine, testClient, withTestDatabase } from "./databases.ts";
import { lookingAt, parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { openDatabase } from "../../src/engines/open/database.ts";
import { projectFile } from "./project.ts";

/** A database of the application in which nothing is wrong, and what a test does with it. */
export interface Healthy {
  readonly engine: Engine;
  readonly url: string;
  /** Runs SQL beside harbor-db. */
  query(statement: string): Promise<void>;
  /** Runs some checks, or all. */
  verify(checks?: readonly string[], options?: Partial<VerifyOptions>): Promise<Verification>;
}

/** Returns the history up to a revision, so that tests do not depend on what comes after it. */
export function historyTo(dialect: Engine["dialect"], revision: string): History {
  const { revisions } = readHistory(projectFile("drizzle"), dialect);
  return { dialect, revisions: revisions.slice(0, revisions.findIndex(({ id }) => id === revision) + 1) };
}

/**
 * Runs `work` with a database at `5b09ebe23c76`, the head of the history that it is checked against, with local files
 * and some in r2.
 */
export async function withHealthy(
  engine: Engine,
  work: (healthy: Healthy) => Promise<void>,
  files = 30,
): Promise<void> {
  await engine.withDatabase(async (url) => {
    const history = historyTo(engine.dialect, storageFields);
    await withTestDatabase(url, async (database) => {
      const context = contextOf(database, history);
      await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
    });
    await addFiles(engine, url, files);
    await engine.query(
      url,
      "UPDATE files SET storage_backend = 'local', upload_complete = is_active FROM users",
    );
    await engine.query(
      url,
      `UPDATE files SET storage_backend = 'r2', storage_path = 'collections/c-1/' || original_filename, metadata_json = '{"upload_method": "single_part", "r2_bucket": "harbor", "parts_count": null, "part_size": null}' WHERE id % 3 = 0`,
    );
    await work({
      engine,
      url,
      query: async (statement) => void await engine.query(url, statement),
      verify: (checks, options) =>
        verifyUrl(url, { history, ...checks === undefined ? {} : { checks }, options }),
    });
  });
}

/**
 * Breaks the rows of a table in one way after the other, and gives it the healthy ones back behind each.
 *
 * @param ways In words, and with which statement
 * @param look Asserts what is found
 */
export async function inEachWay<Way extends readonly [what: string, statement: string, ...unknown[]]>(
  { query }: Healthy,
  { table, ways }: { readonly table: string; readonly ways: readonly Way[] },
  look: (way: Way) => Promise<void>,
): Promise<void> {
  await query(`CREATE TABLE healthy_rows AS SELECT * FROM ${table}`);
  for (const way of ways) {
    await query(way[1]);
    await look(way).catch((error) => {
      throw new Error(`${way[0]}: ${error.message}`, { cause: error });
    });
    await query(`DELETE FROM ${table}`);
    await query(`INSERT INTO ${table} SELECT * FROM healthy_rows`);
  }
}

/** Runs checks on whatever is at a URL. */
export function verifyUrl(
  url: string,
  { history, checks, rules = null, options = {} }: {
    readonly history: History;
    readonly checks?: readonly string[];
    /** The project's own rules. */
    readonly rules?: string | null;
    readonly options?: Partial<VerifyOptions> | undefined;
  },
): Promise<Verification> {
  return verify({
    version: "0.0.0",
    signal: new AbortController().signal,
    now: () => new Date(),
    notify: () => {},
    readHistory: () => Promise.resolve(history),
    readRules: () => Promise.resolve(rules),
    backups: {
      store: openBackups(parseDatabaseUrl(url), {
        folder: "/nowhere",
        database: url,
        name: "nowhere",
        engine: null,
        encoding: { compression: null, recipients: [] },
        identityFile: null,
        client: testClient,
        environment: {},
        signal: new AbortController().signal,
        now: () => new Date(),
        notify: () => {},
      }),
      copies: null,
      maxAgeMs: 0,
      isDrill: false,
    },
    openDatabase: async () =>
      openDatabase(
        await lookingAt(parseDatabaseUrl(url), () => Promise.resolve({ schemas: schemasOfHistory(history) })),
        {
          client: testClient,
          access: "read",
          asIs: true,
        },
      ),
  }, {
    checks: allChecks.filter(({ name }) => checks?.includes(name) ?? name !== "backup"),
    quick: false,
    maxDurationMs: 60_000,
    withFacts: false,
    ...options,
  });
}
