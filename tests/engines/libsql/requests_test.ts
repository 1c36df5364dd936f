import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { openRequests } from "../../../src/engines/libsql/requests.ts";
import { engines } from "../../support/databases.ts";
import { own } from "../../../src/engines/sqlite/connection/statement.ts";

const libsql = engines.find(({ name }) => name === "libsql")!;

test("libsql: statements that are read together see one state, however long the first takes", () =>
  libsql.withDatabase(async (url) => {
    await libsql.query(url, "CREATE TABLE boats (trips INTEGER)");
    await libsql.query(url, "INSERT INTO boats VALUES (0)");
    const parsed = parseDatabaseUrl(url);
    assert.ok(parsed.driver === "libsql");
    const slow =
      "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000) SELECT (SELECT max(n) FROM c) AS n, trips FROM boats";
    let isReading = true;
    const reading = openRequests(parsed).read([own(slow), own("SELECT trips FROM boats")])
      .finally(() => isReading = false);
    let writes = 0;
    for (; isReading; writes++) await libsql.query(url, "UPDATE boats SET trips = trips + 1");
    const [first, second] = await reading;
    assert.ok(writes > 1, "nobody wrote meanwhile");
    assert.equal(second![0]!["trips"], first![0]!["trips"]);
  }));
