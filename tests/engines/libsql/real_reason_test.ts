import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import { readApplied } from "../../../src/engines/version_table.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { testClient, withFolder } from "../../support/databases.ts";
import { startSqld } from "../../support/servers/sqld_server.ts";
import { withContext } from "../../support/samples/adoption.ts";
import { readStatus } from "../../../src/state/read_status.ts";

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

test("a token that may only read is called that, and not expired", () =>
  withFolder(async (folder) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = join(folder, "key.pem");
    await writeFile(key, publicKey.export({ type: "spki", format: "pem" }));
    const claims = `${base64({ alg: "EdDSA", typ: "JWT" })}.${base64({ a: "ro", exp: 4_000_000_000 })}`;
    const authToken = `${claims}.${sign(null, Buffer.from(claims), privateKey).toString("base64url")}`;
    const server = await startSqld(["--auth-jwt-key-file", key]);
    try {
      const url = parseDatabaseUrl(server.url, { LIBSQL_AUTH_TOKEN: authToken });
      const database = await openDatabase(url, { client: testClient, access: "write" });
      try {
        assert.equal(await readApplied(database), null);
        const error = await rejectsWith(
          "read_only",
          database.withLock(() => Promise.resolve(), { waitMs: 0, signal: new AbortController().signal }),
        );
        assert.match(error.hint ?? "", /^This token may only read\. Give one that may write/);
      } finally {
        await database.close();
      }
    } finally {
      await server.stop();
    }
  }));

test("through a replica a database that nobody manages is one, whatever the primary's words are", async () => {
  const grpc = `127.0.0.1:${10_000 + Math.floor(Math.random() * 22_000)}`;
  const primary = await startSqld(["--grpc-listen-addr", grpc]);
  const replica = await startSqld(["--primary-grpc-url", `http://${grpc}`]);
  try {
    await withContext(replica.url, async (context) => {
      assert.equal((await readStatus(context)).state.kind, "empty");
      // While a transaction for writing is open, the primary answers for the replica.
      await context.database.withLock(async () => {
        assert.equal(await readApplied(context.database), null);
      }, { waitMs: 0, signal: new AbortController().signal });
    });
  } finally {
    await replica.stop();
    await primary.stop();
  }
});
