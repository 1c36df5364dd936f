import assert from "node:assert/strict";
import { test } from "node:test";
import { type DatabaseUrl, parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { HarborError } from "../../src/base/errors.ts";
import { type Seeded, seeded } from "../support/seeded.ts";

const environment = { USER: "anna" };
const rounds = 3_000;

/** Returns what a URL means, or the error that refuses it; any other error fails the test. */
function read(text: string): DatabaseUrl | HarborError {
  try {
    return parseDatabaseUrl(text, environment);
  } catch (error) {
    assert.ok(
      error instanceof HarborError && error.code === "bad_config",
      `${JSON.stringify(text)}: ${error}`,
    );
    assert.ok(error.hint);
    return error;
  }
}

function shownOf(read: DatabaseUrl | HarborError): string {
  return read instanceof HarborError
    ? JSON.stringify([read.message, read.hint, read.details, String(read.cause), read.stack])
    : read.display;
}

/** What a URL leads to, without what only lets one in. */
function placeOf(url: DatabaseUrl): unknown {
  switch (url.driver) {
    case "sqlite_file":
      return url.path;
    case "libsql":
      return url.url;
    case "postgres":
      return [url.user, url.host, url.port, url.database];
  }
}

const pieces = [
  "sqlite",
  "sqlite+libsql",
  "file",
  "libsql",
  "https",
  "postgresql",
  "postgres+x",
  ":",
  "//",
  "/",
  "///",
  "@",
  "?",
  "&",
  "=",
  "#",
  "%",
  "%4",
  "%40",
  "%2F",
  "%zz",
  "%00",
  "%ff",
  "[",
  "]",
  "::1",
  "localhost",
  "a.db",
  "db",
  "..",
  " ",
  "+",
  "\n",
  "\0",
  "ä",
  "\u{1f600}",
  "5432",
  "99999",
  "tls",
  "uri",
  "true",
  "mode",
  "host",
  "port",
  "options",
  "-c",
  "ssl",
];

test("parseDatabaseUrl() reads any text or refuses it with a reason, and what it shows leads to the same place", () => {
  const random = seeded(1);
  let readable = 0;
  for (let round = 0; round < rounds; round++) {
    const scheme = random.oneOf([
      "sqlite:///",
      "file:",
      "libsql://",
      "http://",
      "postgresql://",
      "",
      "mysql://",
    ]);
    const text = scheme + random.some(8, () => random.oneOf(pieces)).join("");
    const url = read(text);
    if (url instanceof HarborError) continue;
    readable++;
    const again = read(url.display);
    assert.ok(
      !(again instanceof HarborError),
      `${JSON.stringify(text)} is shown as ${JSON.stringify(url.display)}: ${again}`,
    );
    assert.deepEqual(
      placeOf(again),
      placeOf(url),
      `${JSON.stringify(text)} is shown as ${JSON.stringify(url.display)}`,
    );
  }
  // Or the rounds would say nothing.
  assert.ok(readable > rounds / 5 && readable < rounds, `${readable} were readable`);
});

/** Characters of names and passwords, those first that a URL has a meaning for. */
const characters = [..."@:/?#%&=+[]!$'() ;,", "ä", "\u{1f600}", ..."abcXYZ019._-~"];
const word = (random: Seeded, most = 10) =>
  `${random.oneOf(["a", "Z", "7"])}${random.some(most, () => random.oneOf(characters)).join("")}`;

test("parseDatabaseUrl() gives back the parts that a PostgreSQL URL was written of", () => {
  const random = seeded(2);
  for (let round = 0; round < rounds; round++) {
    const parts = {
      user: word(random),
      password: word(random),
      host: random.oneOf([
        "h",
        "db.example.org",
        "10.0.0.1",
        "2001:db8::1",
        "/var/run/postgresql",
        "/tmp/my sockets",
      ]),
      port: 1 + random.below(65_535),
      database: word(random),
    };
    const code = encodeURIComponent;
    const host = parts.host.includes(":") ? `[${parts.host}]` : code(parts.host);
    const text = random.oneOf([
      `postgresql://${code(parts.user)}:${code(parts.password)}@${host}:${parts.port}/${
        code(parts.database)
      }`,
      `postgres:///${code(parts.database)}?host=${code(parts.host)}&port=${parts.port}&user=${
        code(parts.user)
      }&password=${code(parts.password)}`,
      `postgresql+psycopg2://${code(parts.user)}@/?host=${code(parts.host)}&password=${
        code(parts.password)
      }&dbname=${code(parts.database)}&port=${parts.port}`,
    ]);
    const url = parseDatabaseUrl(text, {});
    assert.ok(url.driver === "postgres");
    const { user, password, port, database } = url;
    assert.deepEqual({ user, password, host: url.host, port, database }, parts, text);
    // As libpq reads it, and as people see it.
    const forLibpq = parseDatabaseUrl(url.url, {});
    assert.deepEqual([placeOf(forLibpq), forLibpq.driver === "postgres" && forLibpq.password], [
      placeOf(url),
      parts.password,
    ], url.url);
    assert.deepEqual(placeOf(parseDatabaseUrl(url.display, {})), placeOf(url), url.display);
  }
});

test("parseDatabaseUrl() gives back the path that a SQLite URL was written of", () => {
  const random = seeded(3);
  for (let round = 0; round < rounds; round++) {
    // A drive of Windows is read without the slash before it.
    const path = `${random.oneOf(["", "/", "//", "/srv/", "../"])}x${word(random)}${
      random.oneOf(["", " ", "\n"])
    }`;
    const encoded = `${path.startsWith("//") ? "//" : ""}${encodeURIComponent(path).replaceAll("%2F", "/")}`;
    const texts = [
      `file:${encoded}`,
      `sqlite:///file:${encoded}?uri=true`,
      // Nothing is decoded there, and a ? begins the parameters.
      ...path.includes("?") || path.trim() !== path ? [] : [`sqlite:///${path}`],
    ];
    for (const text of texts) {
      const url = parseDatabaseUrl(text, {});
      assert.equal(placeOf(url), path, text);
      assert.equal(placeOf(parseDatabaseUrl(url.display, {})), path, `${text} is shown as ${url.display}`);
    }
  }
});

// Where a secret may stand, rightly or by mistake.
const places = [
  "postgresql://u:SECRET@h/db",
  "postgresql://u:SECRET@h:5432/db?sslmode=require",
  "postgresql://u:SECRET@[::1]/db",
  "postgresql://u:SECRET@",
  "postgresql:///db?user=u&password=SECRET",
  "postgresql://u@h/db?password=SECRET&sslmode=SECRET",
  "postgresql+asyncpg://u:SECRET@a,b/db",
  "mysql://u:SECRET@h/db",
  "sqlite://u:SECRET@h/a.db",
  "libsql://u:SECRET@h",
  "libsql://h?authToken=SECRET",
  "libsql://h:8080/?tls=SECRET&authToken=SECRET",
  "https://h?authToken=SECRET&tls=1",
  "u:SECRET@h/db",
];

test("parseDatabaseUrl() never shows a part of a password, however it is written", () => {
  const random = seeded(4);
  let readable = 0;
  for (let round = 0; round < rounds; round++) {
    // Each part between the characters that a URL has a meaning for can be found again.
    const raw = `Xq7${random.some(3, () => random.oneOf(characters)).join("")}Zk9${
      random.oneOf(["", "!", "?a=1", "%"])
    }`;
    const secret = random.oneOf([raw, raw, encodeURIComponent(raw)]);
    const text = random.oneOf(places).replaceAll("SECRET", () => secret);
    const url = read(text);
    assert.doesNotMatch(shownOf(url), /Xq7|Zk9/i, text);
    if (!(url instanceof HarborError)) readable++;
  }
  assert.ok(readable > rounds / 10, `${readable} were readable`);
});
