import { test } from "node:test";
import assert from "node:assert/strict";
import { type DatabaseUrl, parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { HarborError } from "../../src/base/errors.ts";

const environment = { USER: "anna" };

/** Returns what a URL means on one line, or the message it is refused with. */
function show(text: string, variables: Readonly<Record<string, string>> = environment): string {
  try {
    return describe(parseDatabaseUrl(text, variables));
  } catch (error) {
    assert.ok(error instanceof HarborError, String(error));
    assert.equal(error.code, "bad_config");
    assert.match(error.message, /^Cannot read the database URL ".*…": /);
    assert.ok(error.hint);
    return `refused: ${error.message.replace(/^Cannot read the database URL ".*…": /, "")}`;
  }
}

function describe(url: DatabaseUrl): string {
  switch (url.driver) {
    case "sqlite_file":
      return `file ${url.path}`;
    case "libsql":
      return `libsql ${url.url}${url.authToken === undefined ? "" : ` token ${url.authToken}`}`;
    case "postgres": {
      const password = url.password === undefined ? "" : `:${url.password}`;
      return `pg ${url.user}${password} @ ${url.host} ${url.port} ${url.database}`;
    }
  }
}

const inMemory = "refused: it names a database in memory, of which nothing would be kept";
const twoWays = "refused: it can be read in more than one way";
const hostForPath = "refused: a host stands where the path should";

// One row a rule: the URL and what it means.
const cases: readonly (readonly [text: string, expected: string])[] = [
  // SQLite, as SQLAlchemy writes it.
  ["sqlite:///openharbor.db", "file openharbor.db"],
  ["sqlite:///instance/open harbor.db", "file instance/open harbor.db"],
  ["sqlite:////srv/harbor/openharbor.db", "file /srv/harbor/openharbor.db"],
  ["sqlite+pysqlite:///a.db", "file a.db"],
  ["sqlite+aiosqlite:///a.db", "file a.db"],
  ["sqlite+libsql:///a.db", "file a.db"],
  ["SQLite:///A.db", "file A.db"],
  ["  sqlite:///a.db\n", "file a.db"],
  ["sqlite:///C:/data/a.db", "file C:/data/a.db"],
  ["sqlite:///./../a.db", "file ./../a.db"],
  ["sqlite:///my%20db#1.db", "file my%20db#1.db"],
  ["sqlite:///u:p@host/a.db", "file u:p@host/a.db"],
  ["sqlite:///a.db?check_same_thread=0&timeout=20&isolation_level=IMMEDIATE", "file a.db"],
  ["sqlite:///a.db?mode=rw", 'refused: parameter 1 after "?" is not known'],
  ["sqlite:///a.db?tiemout=20", 'refused: parameter 1 after "?" is not known'],
  ["sqlite:///a.db?timeout=1&timeout=2", 'refused: parameter 2 after "?" repeats another'],
  ["sqlite:///a.db?timeout", 'refused: parameter 1 after "?" has no value'],
  ["sqlite:///file:/srv/a%20b.db?uri=true&mode=rwc&cache=shared&timeout=5", "file /srv/a b.db"],
  ["sqlite:///file:a.db?mode=memory&uri=true", inMemory],
  ["sqlite:///file:a.db", "file file:a.db"],
  ["sqlite://", inMemory],
  ["sqlite:///", inMemory],
  ["sqlite:///:memory:", inMemory],
  ["sqlite:///:memory:?check_same_thread=0", inMemory],
  ["sqlite+libsql://", inMemory],
  ["sqlite://openharbor.db", hostForPath],
  ["sqlite://srv/openharbor.db", hostForPath],

  // SQLite, as SQLite writes it.
  ["file:a.db", "file a.db"],
  ["file:data/a%20%231.db", "file data/a #1.db"],
  ["file:/srv/a.db", "file /srv/a.db"],
  ["file:///srv/a.db?mode=rwc", "file /srv/a.db"],
  ["file://localhost/srv/a.db", "file /srv/a.db"],
  ["file:///C:/data/a.db", "file C:/data/a.db"],
  ["file:a%3Fb.db", "file a?b.db"],
  ["file:100%.db", "file 100%.db"],
  ["file:a.db?mode=ro", 'refused: parameter "mode" is "ro"'],
  ["file:a.db?immutable=1", 'refused: parameter 1 after "?" is not known'],
  ["file:a#b.db", 'refused: the path has a "#"'],
  ["file://server/a.db", hostForPath],
  ["file::memory:", inMemory],
  ["file:", inMemory],

  // libSQL.
  ["libsql://harbor.turso.io", "libsql https://harbor.turso.io"],
  ["libsql://harbor.turso.io:8443/", "libsql https://harbor.turso.io:8443"],
  ["libsql://127.0.0.1:8080?tls=0", "libsql http://127.0.0.1:8080"],
  ["libsql://[::1]:8080?tls=0", "libsql http://[::1]:8080"],
  ["libsql://h?authToken=ey.J-_1%3D", "libsql https://h token ey.J-_1="],
  ["https://h/dev/?authToken=t", "libsql https://h/dev token t"],
  ["http://localhost:8080", "libsql http://localhost:8080"],
  ["ws://localhost:8080", "libsql http://localhost:8080"],
  ["wss://h", "libsql https://h"],
  ["sqlite+libsql://h:8080", "libsql http://h:8080"],
  ["sqlite+libsql://h/?authToken=t&secure=true", "libsql https://h token t"],
  ["libsql://h?tls=maybe", 'refused: parameter "tls" is neither 0 nor 1'],
  ["libsql://h?authtoken=t", 'refused: parameter 1 after "?" is not known'],
  ["libsql://hauthToken=t", twoWays],
  ["libsql://h/authToken=t", twoWays],
  ["libsql://u:p@h", "refused: it has a user or a password"],
  ["libsql://h/a#b", "refused: its host, port or path is not valid"],
  ["libsql://h:eight", "refused: its host, port or path is not valid"],
  ["libsql://", "refused: its host, port or path is not valid"],

  // PostgreSQL.
  ["postgresql://u:p@h:5433/db", "pg u:p @ h 5433 db"],
  ["postgres://u:p@h/db", "pg u:p @ h 5432 db"],
  ["postgresql+psycopg2://u:p@h/db", "pg u:p @ h 5432 db"],
  ["postgresql+psycopg://u@h/db", "pg u @ h 5432 db"],
  ["postgresql+asyncpg://u@h/db?prepared_statement_cache_size=0", "pg u @ h 5432 db"],
  ["postgresql+pg8000://u@h/db", "pg u @ h 5432 db"],
  ["postgresql://h/db", "pg anna @ h 5432 db"],
  ["postgresql://h", "pg anna @ h 5432 anna"],
  ["postgresql://u:@h/", "pg u @ h 5432 u"],
  ["postgresql://[2001:db8::1]:5433/db", "pg anna @ 2001:db8::1 5433 db"],
  ["postgresql:///db", "pg anna @ /var/run/postgresql 5432 db"],
  ["postgresql:///db?host=/tmp&port=5433", "pg anna @ /tmp 5433 db"],
  ["postgresql://u:p@/db?host=/var/run/postgresql", "pg u:p @ /var/run/postgresql 5432 db"],
  ["postgresql://%2Fvar%2Frun/db", "pg anna @ /var/run 5432 db"],
  ["postgresql://h/db?user=u&password=p&dbname=other", "pg u:p @ h 5432 other"],
  ["postgresql://us%40er:p%40s%2Fs%3A@h/my%20db", "pg us@er:p@s/s: @ h 5432 my db"],
  ["postgresql://u:p/w#x?y:z@h/db", "pg u:p/w#x?y:z @ h 5432 db"],
  ["postgresql://u:100%@h/db", "pg u:100% @ h 5432 db"],
  ["postgresql://u:100%zz%C3%A4@h/db", "pg u:100%zzä @ h 5432 db"],
  ["postgresql://u:a+b@h/db", "pg u:a+b @ h 5432 db"],
  ["postgresql://u:p@w@h/db", twoWays],
  ["postgresql://u:p@w:x@h/db", "refused: its port is not a number from 1 to 65535"],
  ["postgresql://u:p@w/x@h/db", twoWays],
  ["postgresql://u:p@w?x=y@h/db", twoWays],
  ["postgresql://h:5432/db?application_name=a@b", twoWays],
  ["postgresql://h/db?password=a@b", "pg anna:a@b @ h 5432 db"],
  ["postgresql://[::1/db", twoWays],
  ["postgresql:///db?host=hpassword=p", "refused: its host is not valid"],
  ["postgresql:///db?host=h[]p", "refused: its host is not valid"],
  ["postgresql:///dbport=1&password=p", twoWays],
  ["postgresql:///u:p@h/db", twoWays],
  ["postgresql://hsslmode=disable&password=p", twoWays],
  ["postgresql://u@h/a%3Db", "pg u @ h 5432 a=b"],
  ["postgresql://u:p", "refused: its port is not a number from 1 to 65535"],
  ["postgresql://h:0/db", "refused: its port is not a number from 1 to 65535"],
  ["postgresql://h:65536/db", "refused: its port is not a number from 1 to 65535"],
  ["postgresql://a,b/db", "refused: it names several hosts, of which harbor-db takes one"],
  ["postgresql://a:1,b:2/db", "refused: it names several hosts, of which harbor-db takes one"],
  ["postgresql:///db?host=a,b", "refused: it names several hosts, of which harbor-db takes one"],
  ["postgresql://h/db?sslmode=allow&pgbouncer=true", 'refused: parameter 2 after "?" is not known'],
  ["postgresql://h/db?sslmode=verify_full", 'refused: parameter "sslmode" has no value that libpq knows'],
  [
    "postgresql://h/db?sslmode=require&sslrootcert=system",
    'refused: parameter "sslmode" asks for less than "sslrootcert=system" does',
  ],
  [
    "postgresql://h/db?connect_timeout=soon",
    'refused: parameter "connect_timeout" is not a number of seconds',
  ],
  ["postgresql://h/db?options=-d%203", 'refused: parameter "options" is not a list of settings'],
  [
    "postgresql://h/db?channel_binding=require",
    'refused: harbor-db cannot do what parameter "channel_binding" asks for',
  ],

  // Neither.
  ["mysql://u:p@h/db", 'refused: harbor-db does not know the scheme "mysql"'],
  ["postgresql+magic://h/db", 'refused: harbor-db does not know the scheme "postgresql+magic"'],
  ["constructor://h", 'refused: harbor-db does not know the scheme "constructor"'],
  ["openharbor.db", 'refused: it does not begin with a scheme and "://"'],
  ["sqlite:a.db", 'refused: it does not begin with a scheme and "://"'],
  ['"sqlite:///a.db"', 'refused: it does not begin with a scheme and "://"'],
  ["", 'refused: it does not begin with a scheme and "://"'],
];
for (const [text, expected] of cases) {
  test(`parseDatabaseUrl(${JSON.stringify(text)})`, () => assert.equal(show(text), expected));
}

test("parseDatabaseUrl() lists the schemes that it knows for one that it does not", () => {
  assert.throws(
    () => parseDatabaseUrl("mysql+pymysql://u:p@h/db"),
    (error: HarborError) => /\bfile, .*\blibsql, .*\bpostgresql, .*\bsqlite\b/.test(error.hint ?? ""),
  );
});

test("parseDatabaseUrl() fills in what the URL leaves out from libpq's variables", () => {
  const variables = {
    PGHOST: "h2",
    PGPORT: "5434",
    PGUSER: "u2",
    PGPASSWORD: "p2",
    PGDATABASE: "d2",
    USER: "anna",
  };
  assert.equal(show("postgresql://", variables), "pg u2:p2 @ h2 5434 d2");
  assert.equal(show("postgresql://u:p@h:5433/db", variables), "pg u:p @ h 5433 db");
  assert.equal(show("postgresql://h", { PGHOST: "", PGUSER: "", LOGNAME: "cron" }), "pg cron @ h 5432 cron");
  assert.equal(show("postgresql://h/db", {}), "refused: it names no user");
  assert.equal(
    show("postgresql://h/db", { PGPORT: "x" }),
    "refused: its port is not a number from 1 to 65535",
  );
});

test("parseDatabaseUrl() takes the token of a libSQL server from the environment, the URL's first", () => {
  const variables = { HARBOR_DB_AUTH_TOKEN: "a", LIBSQL_AUTH_TOKEN: "b", TURSO_AUTH_TOKEN: "c" };
  assert.equal(show("libsql://h?authToken=t", variables), "libsql https://h token t");
  assert.equal(show("libsql://h", variables), "libsql https://h token a");
  assert.equal(show("libsql://h", { ...variables, HARBOR_DB_AUTH_TOKEN: "" }), "libsql https://h token b");
  assert.equal(show("libsql://h", { TURSO_AUTH_TOKEN: "c" }), "libsql https://h token c");
});

/** The parts of a PostgreSQL URL that say how, not where. */
function manner(text: string, variables: Readonly<Record<string, string>> = environment): unknown {
  const url = parseDatabaseUrl(text, variables);
  assert.equal(url.driver, "postgres");
  const { sslmode, sslFiles, settings, connectTimeout } = url as DatabaseUrl & {
    readonly driver: "postgres";
  };
  return { sslmode, sslFiles, settings, connectTimeout };
}
const plain = { sslmode: "prefer", sslFiles: {}, settings: {}, connectTimeout: undefined };

const manners: readonly (readonly [text: string, expected: Readonly<Record<string, unknown>>])[] = [
  ["postgresql://h/db", plain],
  ["postgresql://h/db?sslmode=require", { ...plain, sslmode: "require" }],
  ["postgresql://h/db?ssl=true", { ...plain, sslmode: "require" }],
  ["postgresql+asyncpg://h/db?ssl=verify-full", { ...plain, sslmode: "verify-full" }],
  ["postgresql:///db?sslmode=require", { ...plain, sslmode: "disable" }],
  [
    "postgresql://h/db?sslmode=verify-ca&sslrootcert=/r.pem&sslcert=c.pem&sslkey=k.pem",
    { ...plain, sslmode: "verify-ca", sslFiles: { rootcert: "/r.pem", cert: "c.pem", key: "k.pem" } },
  ],
  ["postgresql://h/db?sslrootcert=system", { ...plain, sslmode: "verify-full" }],
  ["postgresql://h/db?connect_timeout=7", { ...plain, connectTimeout: 7 }],
  ["postgresql://h/db?application_name=harbor+db", { ...plain, settings: { application_name: "harbor db" } }],
  ["postgresql://h/db?options=-csearch_path%3Dfoo,bar", { ...plain, settings: { search_path: "foo,bar" } }],
  [
    "postgresql://h/db?options=-c%20role%3Da%5C%20b%20--statement-timeout%3D5s",
    { ...plain, settings: { role: "a b", statement_timeout: "5s" } },
  ],
  ["postgresql://h/db?channel_binding=prefer&target_session_attrs=read-write&client_encoding=UTF8", plain],
];
for (const [text, expected] of manners) {
  test(`parseDatabaseUrl(${JSON.stringify(text)}) reads the manner`, () =>
    assert.deepEqual(manner(text), expected));
}

test("parseDatabaseUrl() reads the manner from libpq's variables too", () => {
  const variables = {
    ...environment,
    PGSSLMODE: "verify-ca",
    PGSSLROOTCERT: "r.pem",
    PGOPTIONS: "-c search_path=foo",
    PGAPPNAME: "nightly",
    PGCONNECT_TIMEOUT: "3",
  };
  const expected = {
    sslmode: "verify-ca",
    sslFiles: { rootcert: "r.pem" },
    settings: { search_path: "foo", application_name: "nightly" },
    connectTimeout: 3,
  };
  assert.deepEqual(manner("postgresql://h/db", variables), expected);
  assert.deepEqual(manner("postgresql://h/db?ssl=require", variables), { ...expected, sslmode: "require" });
});

// The URL for showing leads to the same database, without what is secret.
const displays: readonly (readonly [text: string, display: string])[] = [
  ["sqlite+pysqlite:////srv/a b.db?timeout=5", "sqlite:////srv/a b.db"],
  ["file:a%3Fb%20c.db", "file:a%3Fb%20c.db"],
  ["file:a%3Fb%23c.db", "file:a%3Fb%23c.db"],
  ["file:a.db%20", "file:a.db%20"],
  ["file:////srv//a%3F.db", "file:////srv//a%3F.db"],
  ["libsql://h?authToken=t", "libsql://h"],
  ["libsql://h:8080?tls=0&authToken=t", "http://h:8080"],
  ["postgres://u%40x:p@[::1]/my%20db?sslmode=require", "postgresql://u%40x@[::1]:5432/my%20db"],
  ["postgresql:///db?password=p", "postgresql://anna@/db?host=/var/run/postgresql"],
  ["postgresql:///db?host=/tmp&port=5433", "postgresql://anna@/db?host=/tmp&port=5433"],
  ["postgresql:///db?host=/tmp/a%2Bb%26c", "postgresql://anna@/db?host=/tmp/a%2Bb%26c"],
];
for (const [text, display] of displays) {
  test(`parseDatabaseUrl(${JSON.stringify(text)}) shows ${display}`, () => {
    const url = parseDatabaseUrl(text, environment);
    assert.equal(url.display, display);
    const again = parseDatabaseUrl(display, environment);
    assert.equal(describe(again).replace(/:p\b/, ""), describe(url).replace(/:p\b| token t/, ""));
  });
}

test("parseDatabaseUrl() gives libpq a URL that means the same", () => {
  const url = parseDatabaseUrl("postgresql+psycopg2://us%40er:p/w#x?y:z%25@h:5433/my%20db", environment);
  assert.ok(url.driver === "postgres");
  assert.equal(url.url, "postgres://us%40er:p%2Fw%23x%3Fy%3Az%25@h:5433/my%20db");
  assert.equal(describe(parseDatabaseUrl(url.url, {})), describe(url));
});

// Every way to write a secret that is likely to be read wrongly; no part of it may be shown.
const secrets = [
  "Xq7#Zk9",
  "Xq7/Zk9",
  "Xq7?Zk9",
  "Xq7@Zk9",
  "Xq7:Zk9",
  "Xq7%Zk9",
  "Xq7&Zk9=1",
  "Xq7?a=Zk9@1",
  "12/Xq7?Zk9=1",
  "Xq7@[Zk9",
];
const places = [
  "postgresql://u:SECRET@h/db",
  "postgresql://u:SECRET@h:5432/db?sslmode=require",
  "postgresql://u:SECRET@h/db?sslmode=SECRET",
  "postgresql://u:SECRET@a,b/db",
  "postgresql://u:SECRET@[::1]/db",
  "postgresql://u:SECRET@h/db?password=SECRET",
  "postgresql://u:SECRET@",
  "mysql://u:SECRET@h/db",
  "sqlite://u:SECRET@h/a.db",
  "libsql://u:SECRET@h",
  "libsql://h?authToken=SECRET",
  "libsql://h?SECRET",
  "libsql://h?auth=SECRET",
  "libsql://h:8080/?tls=0&authToken=SECRET",
  "http://u:SECRET@h",
  "u:SECRET@h/db",
  "SECRET",
];
for (const place of places) {
  test(`parseDatabaseUrl() never shows the secret of ${place}`, () => {
    for (const secret of secrets) {
      const text = place.replaceAll("SECRET", () => secret);
      const shown = shownOf(text);
      assert.doesNotMatch(shown, /Xq7|Zk9/i, text);
    }
  });
}

/** Returns all that harbor-db shows of a URL or of the error that refuses it. */
function shownOf(text: string): string {
  try {
    return parseDatabaseUrl(text, environment).display;
  } catch (error) {
    assert.ok(error instanceof HarborError, text);
    return JSON.stringify([error.message, error.hint, error.details, String(error.cause), error.stack]);
  }
}
