import { sql } from "drizzle-orm";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { HarborError } from "../../src/base/errors.ts";
import type { Database } from "../../src/engines/database.ts";
import { openBackupEngine } from "../../src/engines/open/backup_engine.ts";
import {
  createVersionTables,
  insertApplied,
  insertBackfill,
  readAlembicVersions,
  readApplied,
  readBackfills,
  setAlembicVersion,
} from "../../src/engines/version_table.ts";
import { openTestDatabase, testClient, withFolder, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { type LibsqlGateway, withLibsqlGateway } from "../support/servers/libsql_gateway.ts";

const never = new AbortController().signal;

/** Wraps the result of a batch as a server does. */
function batch(stepResults: unknown, stepErrors: unknown = [null]): string {
  const result = { step_results: stepResults, step_errors: stepErrors };
  const batch = { type: "ok", response: { type: "batch", result } };
  return JSON.stringify({
    baton: null,
    base_url: null,
    results: [batch, { type: "ok", response: { type: "close" } }],
  });
}

function rows(...values: readonly unknown[]): unknown {
  return { cols: values.map(() => ({ name: "n" })), rows: [values], affected_row_count: 0 };
}

/** What a server, or something in its place, may answer with status 200. */
const texts: readonly (readonly [name: string, text: string])[] = [
  ["nothing", ""],
  ["null", "null"],
  ["a number", "7"],
  ["a list", "[]"],
  ["a text", '"results"'],
  ["a web page", "<!doctype html><title>Sign in</title>"],
  ["half of an answer", batch([rows({ type: "integer", value: "1" })]).slice(0, 120)],
  ["an object without results", "{}"],
  ["results that are null", '{"results":null}'],
  ["results of null", '{"results":[null,null]}'],
  ["results of another type", '{"results":{"length":2}}'],
  ["no results", '{"results":[]}'],
  ["a result without a response", '{"results":[{"type":"ok"},{"type":"ok","response":{"type":"close"}}]}'],
  ["an error that is null", '{"results":[{"type":"error","error":null},{"type":"error","error":null}]}'],
  [
    "an error without words",
    '{"results":[{"type":"error","error":{}},{"type":"ok","response":{"type":"close"}}]}',
  ],
  ["steps that are null", batch(null, null)],
  ["too few steps", batch([], [])],
  ["a step of another type", batch([7])],
  ["errors that are null", batch([rows({ type: "integer", value: "1" })], null)],
  ["an error of another type", batch([null], ["no"])],
  ["rows that are null", batch([{ cols: [{ name: "n" }], rows: null, affected_row_count: 0 }])],
  ["a row that is null", batch([{ cols: [{ name: "n" }], rows: [null], affected_row_count: 0 }])],
  ["columns that are null", batch([{ cols: null, rows: [], affected_row_count: 0 }])],
  [
    "columns of null",
    batch([{ cols: [null], rows: [[{ type: "integer", value: "1" }]], affected_row_count: 0 }]),
  ],
  ["no count of changes", batch([{ cols: [], rows: [] }])],
  ["a value that is null", batch([rows(null)])],
  ["a value of no known type", batch([rows({ type: "json", value: "{}" })])],
  ["an integer that is none", batch([rows({ type: "integer", value: "one" })])],
  ["an integer that is null", batch([rows({ type: "integer", value: null })])],
  ["a text that is a number", batch([rows({ type: "text", value: 7 })])],
  ["a blob without bytes", batch([rows({ type: "blob" })])],
  ["another address that is none", '{"base_url":"https://[","results":[]}'],
];

function send(text: string | Uint8Array) {
  return (response: ServerResponse) => response.writeHead(200).end(text);
}

const answers: readonly (readonly [name: string, answer: (response: ServerResponse) => unknown])[] = [
  ...texts.map(([name, text]) => [name, send(text)] as const),
  ["bytes that are not UTF-8", send(new Uint8Array([0x22, 0xff, 0x22]))],
  [
    "more than anyone can read",
    (response) => {
      const megabyte = new Uint8Array(1024 * 1024).fill(0x20);
      const more = () => {
        while (response.write(megabyte)) { /* The connection takes it. */ }
      };
      response.writeHead(200).on("drain", more);
      more();
    },
  ],
  ["less than it announced", (response) => {
    response.writeHead(200, { "content-length": "1000" }).write("{");
    setTimeout(() => response.destroy(), 20);
  }],
  ["the way elsewhere", (response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end()],
  [
    "an error in JSON that is null",
    (response) => response.writeHead(400, { "content-type": "application/json" }).end("null"),
  ],
];

for (const [name, answer] of answers) {
  test(`libsql: a server that answers with ${name} is refused in words of ours, at any time`, () =>
    withLibsqlGateway(async (gateway) => {
      const refuse = (wanted: string) =>
        gateway.answer(({ body }, response) => body.includes(wanted) ? answer(response) : "pass");
      refuse("SELECT 1");
      const error = await rejectsWith("connection_failed", openTestDatabase(gateway.url));
      assert.ok(error.message.includes(gateway.url) && error.hint !== undefined, error.message);

      gateway.answer(() => "pass");
      await withTestDatabase(gateway.url, async (database) => {
        await database.write([sql`CREATE TABLE t (n INTEGER)`]);
        refuse("INSERT INTO t");
        await rejectsWith("connection_failed", database.write([sql`INSERT INTO t VALUES (1)`]));
      });
      refuse("sqlite_version()");
      await refusesCopy(gateway);
    }));
}

async function refusesCopy(
  gateway: LibsqlGateway,
  code: "connection_failed" | "not_a_database" | "statement_failed" = "connection_failed",
): Promise<HarborError> {
  return await withFolder(async (folder) => {
    const url = parseDatabaseUrl(gateway.url);
    const engine = await openBackupEngine({ url, client: testClient, environment: {} });
    const path = join(folder, "copy.db");
    const error = await rejectsWith(code, engine.dump(path, never));
    assert.equal(existsSync(path), false);
    return error;
  });
}

/** What is read of a database, each by another query. */
const readings: readonly (readonly [name: string, read: (database: Database) => Promise<unknown>])[] = [
  ["the version table", readApplied],
  ["backfills", readBackfills],
  ["Alembic's version", readAlembicVersions],
  ["the schema", (database) => database.introspect()],
  ["the lock", (database) => database.lockHolder()],
];

for (const value of [{ type: "integer", value: "-7" }, { type: "null" }, { type: "blob", base64: "AAEC" }]) {
  test(`libsql: a server whose values are all ${value.type} is refused in words of ours`, () =>
    withLibsqlGateway((gateway) =>
      withTestDatabase(gateway.url, async (database) => {
        const alembic = [sql`CREATE TABLE alembic_version (version_num TEXT)`, ...setAlembicVersion("a")];
        const state = {
          name: "n",
          checksum: "c",
          startedAt: "2026-01-01T00:00:00Z",
          finishedAt: null,
          ms: null,
        };
        await database.write([...createVersionTables(), ...alembic]);
        await database.write([
          ...insertApplied([{
            ...state,
            revision: "a",
            direction: "upgrade",
            statementsDone: 0,
            appliedBy: "test",
            origin: "run",
          }]),
          ...insertBackfill({
            ...state,
            revision: "a",
            statement: 0,
            table: "t",
            lastKey: null,
            endKey: null,
            rows: 0,
            batches: 0,
            longestBatchMs: 0,
          }),
        ]);
        await database.withLock(() => Promise.resolve());
        gateway.answer(async ({ forward }, response) => {
          const { text } = await forward();
          const answer = JSON.parse(text) as WireAnswer;
          const steps = answer.results.flatMap((each) => each.response?.result?.step_results ?? []);
          for (const step of steps) step?.rows.forEach((row) => row.fill(value));
          response.writeHead(200).end(JSON.stringify(answer));
        });
        for (const [name, read] of readings) {
          const error = await rejectsWith("not_a_database", read(database));
          assert.match(error.message, /its column "\w+" holds no/, name);
        }
        await refusesCopy(gateway, "not_a_database");
      })
    ));
}

interface WireAnswer {
  readonly results: readonly {
    readonly response?: {
      readonly result?: { readonly step_results: readonly ({ readonly rows: unknown[][] } | null)[] };
    };
  }[];
}

test("libsql: a request is never sent to where a server points", () =>
  withLibsqlGateway(async (elsewhere) => {
    let asked = 0;
    elsewhere.answer(() => {
      asked++;
      return "pass";
    });
    await withLibsqlGateway(async (gateway) => {
      gateway.answer((_, response) => response.writeHead(307, { location: elsewhere.url }).end());
      const error = await rejectsWith("connection_failed", openTestDatabase(gateway.url));
      assert.match(error.message, /307/);
      assert.equal(asked, 0);
    });
  }));

test("libsql: a token that no request can carry is refused and not repeated", () =>
  withLibsqlGateway(async (gateway) => {
    const url = `${gateway.url}?authToken=${encodeURIComponent("se\ncret\u{1F30A}")}`;
    const error = await rejectsWith("connection_failed", openTestDatabase(url));
    assert.match(error.message, /token/);
    assert.ok(!JSON.stringify([error.message, error.hint, error.details]).includes("cret"));
  }));

for (
  const [name, value] of [
    ["an infinite number", Infinity],
    ["a text that ends within a character", "a\ud83c"],
  ] as const
) {
  test(`libsql: ${name} cannot be sent, which is said as it is`, () =>
    withLibsqlGateway((gateway) =>
      withTestDatabase(gateway.url, async (database) => {
        await database.write([sql`CREATE TABLE t (n)`]);
        const error = await rejectsWith(
          "statement_failed",
          database.write([sql`INSERT INTO t VALUES (1)`, sql`INSERT INTO t VALUES (${value})`]),
        );
        assert.equal(error.details["index"], 1);
        assert.deepEqual(await database.read(sql`SELECT n FROM t`), []);
      })
    ));
}

test("libsql: an infinite number cannot be read, which is said as it is", () =>
  withLibsqlGateway((gateway) =>
    withTestDatabase(gateway.url, async (database) => {
      const error = await rejectsWith("statement_failed", database.read(sql`SELECT 9e999 AS n`));
      assert.match(error.message, /^Cannot run "SELECT 9e999 AS n": .*infinite/);
      await database.write([
        sql`CREATE TABLE k (a REAL PRIMARY KEY) WITHOUT ROWID`,
        sql`INSERT INTO k VALUES (9e999)`,
      ]);
      const named = await refusesCopy(gateway, "statement_failed");
      assert.match(named.message, /^Cannot copy the table "k": its key holds an infinite number/);
      const [, update = ""] = /(UPDATE .*;)$/.exec(named.hint ?? "") ?? [];
      await database.write([sql.raw(update)]);
      assert.deepEqual(await database.read(sql`SELECT a FROM k`), [{ a: 0 }]);
    })
  ));
