import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { projectFile } from "../../support/project.ts";
import { longReads, longTable, withFreshLibsql } from "../../support/servers/sqld_server.ts";

/** A batch that takes longer than the 5 seconds after which the server lets the next one in, and catches its error. */
const program = (url: string) => `
  import { createClient } from "@libsql/client/http";
  const [client, other] = [createClient({ url: "${url}" }), createClient({ url: "${url}" })];
  await client.execute("${longTable}");
  const slow = ${JSON.stringify(longReads)};
  const long = client.batch(["INSERT INTO t (n) VALUES (1)", ...slow, "INSERT INTO t (n) VALUES (2)"], "write")
    .catch((error) => console.log("caught", error.code));
  setTimeout(() => other.execute("INSERT INTO t (n) VALUES (99)"), 500);
  await long;
`;

// Why harbor-db uses the library below @libsql/client. What ours does then is tested in lost_answer_test.ts; when
// this test fails, the client has been mended.
test("@libsql/client ends a program that catches its errors when the server takes the write lock away", () =>
  withFreshLibsql(async (url) => {
    const { code, output } = await new Promise<{ readonly code: unknown; readonly output: string }>((
      resolve,
    ) =>
      execFile(
        process.execPath,
        ["eval", program(url)],
        { cwd: projectFile(".") },
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr }),
      )
    );
    assert.match(
      output,
      /Uncaught \(in promise\).*Transaction timed out|Uncaught \(in promise\).*TRANSACTION_TIMEOUT/,
    );
    assert.equal(code, 1);
  }));
