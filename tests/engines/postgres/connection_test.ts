import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, copyFile, readFile, stat, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { sql as ours } from "drizzle-orm";
import { sql } from "../../support/user_sql.ts";
import { HarborError } from "../../../src/base/errors.ts";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { connectionHint } from "../../../src/engines/postgres/session/hints.ts";
import { openTestDatabase, testClient, withFolder, withTestDatabase } from "../../support/databases.ts";
import {
  sharedPostgres,
  startPostgres,
  withClient,
  withFreshPostgres,
} from "../../support/servers/postgres_server.ts";
import { makeCertificates } from "../../support/servers/tls_certificates.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";
import { failureOf } from "../../support/harbor_error.ts";

// One version is enough: none of this differs between them.

test("postgres: the server knows who connects, and gets the URL's settings", () =>
  withFreshPostgres(
    15,
    (url) =>
      withTestDatabase(
        `${url}?options=-cstatement_timeout%3D12345&application_name=mine`,
        async (database) => {
          assert.deepEqual(
            await database.read(sql`SELECT current_setting('application_name') AS name,
          current_setting('statement_timeout') AS timeout`),
            [{ name: `harbor-db/0.0.0 ${testClient.pid}@${testClient.host}`, timeout: "12345ms" }],
          );
          assert.doesNotMatch(database.url, /secret/);
        },
      ),
  ));

test("postgres: limits that a role has for an application are lifted, those of the address hold", () =>
  withOwnedPostgres(15, "", async ({ url, adminUrl, role }) => {
    await withClient(adminUrl, (sql) =>
      sql.unsafe(
        `ALTER ROLE ${role} SET statement_timeout = '2s'; ALTER ROLE ${role} SET idle_in_transaction_session_timeout = '2s'`,
      ));
    const limits = async (address: string) => {
      const database = await openTestDatabase(address, "read");
      const [row] = await database.read<{ long: string; idle: string }>(
        ours`SELECT current_setting('statement_timeout') AS long, current_setting('idle_in_transaction_session_timeout') AS idle`,
      );
      await database.close();
      return row;
    };
    assert.deepEqual(await limits(url), { long: "0", idle: "0" });
    assert.deepEqual(await limits(`${url}?options=-cstatement_timeout%3D3s`), { long: "3s", idle: "0" });
  }));

test("postgres: rows that came before a statement failed are none of the next one's", () =>
  withFreshPostgres(15, async (url) => {
    const database = await openTestDatabase(url, "read");
    try {
      await assert.rejects(database.read(ours`SELECT 1 / (3 - g) FROM generate_series(1, 5) g`), /division/);
      assert.deepEqual(await database.read(ours`SELECT 1 AS one`), [{ one: 1 }]);
    } finally {
      await database.close();
    }
  }));

test("postgres: a Unix socket's folder as host", () =>
  withFolder((folder) =>
    withFreshPostgres(15, async (url) => {
      const { port, pathname, username, password } = new URL(url);
      // The server under test listens on TCP only, so its socket is a relay here.
      const relay = createServer((socket) => {
        const onward = connect(Number(port), "127.0.0.1");
        socket.pipe(onward).pipe(socket);
        for (const end of [socket, onward]) end.on("error", () => {});
      });
      await listen(relay, join(folder, ".s.PGSQL.6543"));
      try {
        await withTestDatabase(
          `postgresql://${username}:${password}@${pathname}?host=${folder}&port=6543&sslmode=require`,
          async (database) => assert.deepEqual(await database.read(sql`SELECT 1 AS n`), [{ n: 1 }]),
        );
      } finally {
        relay.close();
      }
    })
  ));

const refusals: readonly [string, (url: URL) => void, RegExp, RegExp, string?][] = [
  [
    "a wrong password",
    (url) => url.password = "wr0ng-secret",
    /password authentication failed for user "harbor_app"/,
    /Correct the user or the password/,
    "28P01",
  ],
  ["no password", (url) => url.password = "", /password/, /Nothing says the password/, "28P01"],
  [
    "an unknown database",
    (url) => url.pathname = "/nowhere",
    /database "nowhere" does not exist/,
    /createdb --host 127\.0\.0\.1 --port \d+ --owner harbor_app nowhere/,
    "3D000",
  ],
  [
    "a port where nobody listens",
    (url) => url.port = "1",
    /ECONNREFUSED|refused/,
    /pg_isready --host 127\.0\.0\.1 --port 1/,
  ],
  [
    "a host without an address",
    (url) => url.hostname = "nowhere.invalid",
    /nowhere\.invalid|lookup|ENOTFOUND/,
    /"nowhere\.invalid" has no address/,
  ],
  ["a server without TLS", (url) => url.search = "sslmode=require", /does not offer TLS/, /sslmode=disable/],
  [
    "a setting that the server does not know",
    (url) => url.search = "options=-cno_such_thing%3D1",
    /no_such_thing/,
    /^/,
    "42704",
  ],
  [
    "a socket that is not there",
    (url) => url.search = "host=/nowhere",
    /ENOENT|No such file/,
    /pg_isready --host \/nowhere/,
  ],
];
for (const [what, change, message, hint, sqlState] of refusals) {
  test(`postgres: ${what} is said in the server's words, with a remedy and without the password`, () =>
    withFreshPostgres(15, async (text) => {
      const url = new URL(text);
      change(url);
      const error = await failureOf(openTestDatabase(url.href));
      assert.equal(error.code, "connection_failed");
      assert.match(error.message, /^Cannot connect to "postgresql:\/\//);
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
      assert.equal(error.details["sqlState"], sqlState);
      assert.deepEqual(
        Object.keys(error.details).filter((key) => key !== "sqlState"),
        ["host", "port", "database", "user"],
      );
      assert.doesNotMatch(JSON.stringify([error.message, error.hint, error.details, error.stack]), /secret/);
    }));
}

test("postgres: too many sessions", async () => {
  const admin = await sharedPostgres(15);
  await withFreshPostgres(15, async (url) => {
    const database = new URL(url).pathname.slice(1);
    await withClient(admin, (client) => client.unsafe(`ALTER DATABASE ${database} CONNECTION LIMIT 0`));
    const error = await failureOf(openTestDatabase(url));
    assert.equal(error.code, "connection_failed");
    assert.match(error.message, /too many connections for database/);
    const [, remedy = ""] = /(ALTER DATABASE "\w+" CONNECTION LIMIT -1)/.exec(error.hint ?? "") ?? [];
    await withClient(admin, (client) => client.unsafe(remedy));
    await (await openTestDatabase(url)).close();
  });
});

test("postgres: a role that has all the sessions that it may have", () =>
  withOwnedPostgres(15, "CONNECTION LIMIT 0", async ({ url, adminUrl }) => {
    const error = await failureOf(openTestDatabase(url));
    assert.match(error.message, /too many connections for role/);
    const [, remedy = ""] = /(ALTER ROLE "\w+" CONNECTION LIMIT -1)/.exec(error.hint ?? "") ?? [];
    await withClient(adminUrl, (client) => client.unsafe(remedy));
    await (await openTestDatabase(url)).close();
  }));

for (
  const [what, answer] of [
    ["says nothing", () => {}],
    ["says something else", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n")],
    ["hangs up", (socket: Socket) => void socket.destroy()],
  ] as const
) {
  for (const sslmode of ["disable", "prefer", "require"]) {
    test(`postgres: a server that ${what} is not waited for (sslmode=${sslmode})`, async () => {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => answer(socket));
      });
      const port = await listen(server, 0);
      try {
        const started = performance.now();
        const url = `postgresql://me:secret@127.0.0.1:${port}/mine?connect_timeout=1&sslmode=${sslmode}`;
        const error = await failureOf(openTestDatabase(url));
        assert.equal(error.code, "connection_failed");
        assert.doesNotMatch(error.message, /secret/);
        // Some say nothing for as long as somebody waits.
        assert.ok(performance.now() - started < 20_000, `it took ${performance.now() - started} ms`);
      } finally {
        server.close();
      }
    });
  }
}

test("postgres: a server that stops answering does not keep close() waiting", () =>
  withFreshPostgres(15, async (text) => {
    const url = new URL(text);
    const target = Number(url.port);
    let frozen = false;
    const sockets: Socket[] = [];
    const relay = createServer((socket) => {
      const onward = connect(target, "127.0.0.1");
      sockets.push(socket, onward);
      socket.on("data", (chunk) => void (frozen || onward.write(chunk)));
      onward.on("data", (chunk) => void (frozen || socket.write(chunk)));
      for (const end of [socket, onward]) end.on("error", () => {});
    });
    url.port = String(await listen(relay, 0));
    try {
      for (const busy of [false, true]) {
        frozen = false;
        const database = await openTestDatabase(url.href);
        frozen = true;
        const reading = busy
          ? assert.rejects(database.read(sql`SELECT 1`), { code: "connection_failed" })
          : Promise.resolve();
        // Nothing comes that would end a wait.
        await Promise.all([database.close(), database.close()]);
        await reading;
        await assert.rejects(database.read(sql`SELECT 1`), { code: "connection_failed" });
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      relay.close();
    }
  }));

test("postgres: TLS as libpq's sslmode says", () =>
  withFolder(async (folder) => {
    const certificates = await makeCertificates(folder);
    const server = await startPostgres(15);
    try {
      await switchTlsOn(server.adminUrl, certificates);
      const local = new URL(server.adminUrl);
      local.hostname = "localhost";
      const at127 = new URL(server.adminUrl);
      const { authority, stranger } = certificates;
      // user, URL, parameters, encrypted or the failure
      const cases: readonly [string, URL, string, boolean | RegExp][] = [
        ["postgres", at127, "", true],
        ["postgres", at127, "sslmode=prefer", true],
        ["postgres", at127, "sslmode=disable", false],
        ["postgres", at127, "sslmode=allow", false],
        ["postgres", at127, "sslmode=require", true],
        ["postgres", at127, `sslmode=require&sslrootcert=${authority}`, true],
        ["postgres", at127, `sslmode=require&sslrootcert=${stranger}`, /certificate|issuer/i],
        ["postgres", at127, `sslmode=verify-ca&sslrootcert=${authority}`, true],
        ["postgres", at127, `sslmode=verify-ca&sslrootcert=${stranger}`, /certificate|issuer/i],
        ["postgres", at127, "sslmode=verify-ca", /certificate|issuer/i],
        ["postgres", at127, `sslmode=verify-full&sslrootcert=${authority}`, /certificate|127\.0\.0\.1/i],
        ["postgres", local, `sslmode=verify-full&sslrootcert=${authority}`, true],
        ["postgres", local, "sslmode=verify-full", /certificate|issuer/i],
        ["tls_only", at127, "sslmode=allow", true],
        ["tls_only", at127, "sslmode=disable", /no encryption/],
        ["plain_only", at127, "sslmode=prefer", false],
        ["plain_only", at127, "sslmode=require", /pg_hba\.conf/],
      ];
      for (const [user, base, parameters, expected] of cases) {
        const url = new URL(base);
        url.username = user;
        url.search = parameters;
        const what = `${user} ${url.hostname} ${parameters}`;
        const opened = await encryption(url.href).catch((error) => error);
        if (typeof expected === "boolean") assert.equal(opened, expected, what);
        else {
          assert.ok(opened instanceof HarborError, `${what} was let in`);
          assert.equal(opened.code, "connection_failed", what);
          assert.match(opened.message, expected, what);
          assert.ok(opened.hint, `${what} has no remedy`);
          // It may be one that the URL does not name.
          if (parameters.includes(stranger)) assert.ok(opened.hint.includes(stranger), opened.hint);
        }
      }
      const missing = `${at127.href}?sslmode=verify-full&sslrootcert=/nowhere.pem`;
      await assert.rejects(openTestDatabase(missing), { code: "bad_config", message: /"\/nowhere\.pem"/ });
      const { serverCertificate, serverKey } = certificates;
      const withKey = `${at127.href}?sslmode=require&sslcert=${serverCertificate}&sslkey=${serverKey}`;
      assert.equal(await encryption(withKey), true);
      await chmod(serverKey, 0o644);
      const open = await failureOf(openTestDatabase(withKey));
      assert.equal(open.code, "bad_config");
      assert.match(open.message, /Cannot use the key ".*": others may use it/);
      execFileSync("sh", ["-c", open.hint!]);
      assert.equal(await encryption(withKey), true);
      // Editors of Windows put a mark in front of a text.
      const marked: string[] = [];
      for (const path of [serverCertificate, serverKey]) {
        const text = await readFile(path, "utf8");
        marked.push(join(folder, `marked_${marked.length}.pem`));
        await writeFile(marked.at(-1)!, `\uFEFF${text}`, { mode: 0o600 });
      }
      assert.equal(
        await encryption(`${at127.href}?sslmode=require&sslcert=${marked[0]}&sslkey=${marked[1]}`),
        true,
      );
      // One row a file that is not what it should be: who names it, and what is said.
      const junk = join(folder, "junk.pem");
      await writeFile(junk, "no certificate\n", { mode: 0o600 });
      for (
        const [parameters, said] of [
          [`sslmode=verify-full&sslrootcert=${junk}`, /it holds no certificate in PEM$/],
          [`sslmode=require&sslcert=${junk}&sslkey=${serverKey}`, /it holds no certificate in PEM$/],
          [`sslmode=require&sslcert=${serverCertificate}&sslkey=${junk}`, /it holds no key without a passph/],
        ] as const
      ) {
        const error = await failureOf(openTestDatabase(`${at127.href}?${parameters}`));
        assert.equal(error.code, "bad_config", parameters);
        assert.match(error.message, said);
        assert.ok(error.message.includes(`Cannot read "${junk}"`), error.message);
      }
      await chmod(serverKey, 0o644);
      // libpq goes on without TLS.
      const preferring = await failureOf(openTestDatabase(withKey.replace("require", "prefer")));
      assert.match(preferring.message, /others may use it/);
    } finally {
      await server.stop();
    }
  }));

async function encryption(url: string): Promise<boolean> {
  let encrypted: boolean | undefined;
  await withTestDatabase(url, async (database) => {
    const [row] = await database.read<{ ssl: boolean }>(
      sql`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
    );
    encrypted = row?.ssl;
  });
  return encrypted === true;
}

/** Also makes the roles `tls_only` and `plain_only`, which the server admits in that way alone. */
async function switchTlsOn(
  adminUrl: string,
  { serverCertificate, serverKey }: { readonly serverCertificate: string; readonly serverKey: string },
): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const [row] = await client`SHOW data_directory`;
    const data = String(row?.["data_directory"]);
    const owner = await stat(data);
    for (const [from, name] of [[serverCertificate, "server.crt"], [serverKey, "server.key"]] as const) {
      await copyFile(from, join(data, name));
      await chmod(join(data, name), 0o600);
      await chown(join(data, name), owner.uid, owner.gid);
    }
    for (const role of ["tls_only", "plain_only"]) {
      await client.unsafe(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'admin-secret'`);
    }
    const hba = join(data, "pg_hba.conf");
    await writeFile(
      hba,
      "hostnossl all tls_only all reject\nhostssl all plain_only all reject\n" + await readFile(hba, "utf8") +
        "\nhost all all ::1/128 scram-sha-256\n",
    );
    await client`ALTER SYSTEM SET ssl = on`;
    await client`SELECT pg_reload_conf()`;
  });
  // The server reloads at its leisure.
  for (let round = 0; round < 100; round++) {
    const on = await withClient(adminUrl, (client) => client`SHOW ssl`);
    if (on[0]?.["ssl"] === "on") return;
  }
  throw new Error("TLS is still off");
}

async function listen(server: Server, place: string | number): Promise<number> {
  await new Promise<void>((resolve) => {
    if (typeof place === "number") server.listen(place, "127.0.0.1", resolve);
    else server.listen(place, resolve);
  });
  const address = server.address();
  return typeof address === "object" ? address?.port ?? 0 : 0;
}

// One row an answer of a server that knows the role, and what helps.
for (
  const [message, remedy] of [
    ['Peer authentication failed for user "app"', /run as app, name a host/],
    ["connection requires a valid client certificate", /sslcert=FILE&sslkey=FILE/],
    ['certificate authentication failed for user "app"', /another certificate/],
    ['role "app" is not permitted to log in', /ALTER ROLE "app" LOGIN/],
    ['role "app" does not exist', /createuser .* app$/],
  ] as const
) {
  test(`the hint for ${message} helps`, () => {
    const answer = Object.assign(new Error(message), { code: "28000", severity_local: "FATAL" });
    const url = parseDatabaseUrl("postgresql://app@db.example/app", {});
    assert.ok(url.dialect === "postgresql");
    assert.match(connectionHint(answer, url) ?? "", remedy);
  });
}

// One row what is wrong with a server's certificate, as the runtimes call it.
for (
  const [code, remedy] of [
    ["CERT_HAS_EXPIRED", /renewed, .*date -u.* -connect db\.example:5432 <\/dev\/null \| openssl x509/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", /^Give the host by the name in its certificate; sslmode=verify-ca/],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", /judged by the authorities in "\/root\.pem".*sslrootcert=FILE/],
  ] as const
) {
  test(`postgres: ${code} of a server's certificate has its own remedy`, () => {
    const url = parseDatabaseUrl(
      "postgresql://app@db.example/app?sslmode=verify-full&sslrootcert=/root.pem",
      {},
    );
    assert.ok(url.driver === "postgres");
    assert.match(connectionHint(Object.assign(new Error("no"), { code }), url) ?? "", remedy);
  });
}
