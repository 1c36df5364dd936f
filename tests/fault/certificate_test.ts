import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runHere } from "../support/run_here.ts";
import { makeCertificates } from "../support/servers/tls_certificates.ts";

test("a server whose certificate nobody trusts is told nothing, and what helps is said", () =>
  withFolder(async (cwd) => {
    const { serverCertificate, serverKey } = await makeCertificates(cwd);
    const asked: unknown[] = [];
    const options = { cert: readFileSync(serverCertificate), key: readFileSync(serverKey) };
    const server = createServer(options, (request, response) => {
      asked.push(request.url);
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const { port } = server.address() as { port: number };
    const place = `https://localhost:${port}`;
    const env = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
    try {
      for (
        const args of [
          ["status", "--database-url", place],
          ["backup", "list", "--from", `s3://copies/nightly?endpoint=${place}`],
        ]
      ) {
        const { code, stderr } = await runHere(args, { cwd, env });
        assert.equal(code, 1, stderr);
        assert.match(stderr, /^error: .*certificate.* is not trusted/m);
        assert.match(stderr, /^hint: .*NODE_EXTRA_CA_CERTS=/m);
      }
      assert.deepEqual(asked, []);
    } finally {
      server.close();
    }
  }));
