import type { PostgresUrl } from "../../src/base/url/postgres_url.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { memoryScratch, proveRevisions, type Scratch } from "../../src/author/prove.ts";
import { postgresScratch } from "../../src/author/scratch_postgres.ts";
import { testClient, withTestDatabase } from "../support/databases.ts";
import { sharedPostgres } from "../support/servers/postgres_server.ts";
import { withFreshLibsql } from "../support/servers/sqld_server.ts";
import { generateTwo } from "../support/samples/two_revisions.ts";
import { boats, ports, voyages } from "../support/samples/whole_schema.ts";

const engines: readonly { readonly name: string; readonly dialect: Dialect; readonly scratch: Scratch }[] = [
  { name: "SQLite in memory", dialect: "sqlite", scratch: memoryScratch(testClient) },
  {
    name: "libSQL",
    dialect: "sqlite",
    scratch: (work) => withFreshLibsql((url) => withTestDatabase(url, work)),
  },
  {
    name: "PostgreSQL 15",
    dialect: "postgresql",
    scratch: async (work) =>
      await postgresScratch(parseDatabaseUrl(await sharedPostgres(15)) as PostgresUrl, testClient)(work),
  },
];

for (const { name, dialect, scratch } of engines) {
  test(`a schema with every word goes up, down and up again (${name})`, async () => {
    const { second, history } = await generateTwo([], [ports, boats, voyages]);
    const { scripts } = second.parts.find((part) => part.dialect === dialect)!;

    assert.ok(scripts.up.length > 0);
    await proveRevisions(history(dialect), 0, {
      scratch,
      version: "0.0.0",
      signal: new AbortController().signal,
      now: () => new Date("2026-01-01T00:00:00Z"),
    });
  });
}
