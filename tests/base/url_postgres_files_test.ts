import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { UserFile } from "../../src/base/url/postgres_files.ts";

/** Reads a URL with files, and returns what is meant, or why it is refused. */
function read(
  url: string,
  given: Readonly<Record<string, string | UserFile>>,
  variables: Readonly<Record<string, string>> = {},
): string {
  const asked: string[] = [];
  const files = {
    home: "/home/anna",
    isThere: (path: string) => given[path] !== undefined,
    read: (path: string) => {
      asked.push(path);
      const file = given[path];
      return typeof file === "string" ? { text: file, isOpen: false } : file;
    },
  };
  try {
    const found = parseDatabaseUrl(url, { USER: "anna", ...variables }, files);
    assert.ok(found.driver === "postgres");
    const { user, password, host, port, database, sslmode } = found;
    assert.doesNotMatch(found.display, /secret/);
    assert.equal(found.hasSecret, /secret/.test(url + (variables["PGPASSWORD"] ?? "")));
    return `${user}:${password ?? "-"} @ ${host} ${port} ${database} ${sslmode}`;
  } catch (error) {
    assert.doesNotMatch(JSON.stringify(error), /secret/);
    return `refused: ${(error as Error).message}`;
  }
}

const own = "/home/anna/.pgpass";
// One row a file of passwords, and what an account has by it.
const passwords: readonly (readonly [rule: string, text: string, password: string])[] = [
  ["takes the first line that fits", "h:5432:db:u:secret1\nh:5432:db:u:secret2", "secret1"],
  ["passes over other hosts", "h2:5432:db:u:secret1\n*:*:*:*:secret2", "secret2"],
  ["passes over other ports", "h:5433:db:u:secret1", "-"],
  ["passes over other databases", "h:5432:db2:u:secret1", "-"],
  ["passes over other users", "h:5432:db:u2:secret1", "-"],
  ["takes * for anything", "h:*:*:u:secret1", "secret1"],
  ["takes * for nothing else", "h*:*:*:u:secret1", "-"],
  ["reads : and \\ behind a backslash", "h:5432:db:u:sec\\:ret\\\\1", "sec:ret\\1"],
  ["ends a password at a colon", "h:5432:db:u:secret1:and more", "secret1"],
  [
    "passes over comments and what has too few fields",
    "#h:5432:db:u:secret1\nh:5432\n\nh:5432:db:u:secret2",
    "secret2",
  ],
  ["reads lines that end as on Windows", "h:5432:db:u:secret1\r\n", "secret1"],
  ["takes blanks for what they are", "h:5432:db:u: secret1 ", " secret1 "],
  ["takes the first line that fits, be its password empty", "h:5432:db:u:\n*:*:*:*:secret2", "-"],
  [
    "knows a colon behind a backslash at the end of a field",
    "\\:\\::5432:db:u:secret1\nh:5432:db:u:secret2",
    "secret2",
  ],
];
for (const [rule, text, password] of passwords) {
  test(`a file of passwords: ${rule}`, () => {
    assert.equal(read("postgresql://u@h/db", { [own]: text }), `u:${password} @ h 5432 db prefer`);
  });
}

test("a file of passwords is asked last, where it is said to be, and calls the usual socket localhost", () => {
  const given = { [own]: "*:*:*:*:secret1", "/other": "localhost:*:*:*:secret2" };
  assert.match(read("postgresql://u:secret3@h/db", given), /^u:secret3 /);
  assert.match(read("postgresql://u@h/db", given, { PGPASSWORD: "secret4" }), /^u:secret4 /);
  assert.match(read("postgresql:///db", given, { PGPASSFILE: "/other" }), /^anna:secret2 /);
  assert.match(read("postgresql://h/db?passfile=/other", given), /^anna:- /);
  assert.match(read("postgresql://localhost/db?passfile=/other", given), /^anna:secret2 /);
  assert.match(read("postgresql://h/db", given, { PGPASSFILE: "/nowhere" }), /^anna:- /);
});

test("a file of passwords that others may use is passed over, and named", () => {
  const files = {
    home: "/home/anna",
    isThere: () => false,
    read: () => ({ text: "h:*:*:*:secret", isOpen: true }),
  };
  const { remarks, ...url } = parseDatabaseUrl("postgresql://anna@h/db", {}, files);
  assert.deepEqual(remarks, [
    '"/home/anna/.pgpass" is passed over, since others may use it: chmod 600 /home/anna/.pgpass',
  ]);
  assert.doesNotMatch(JSON.stringify(url), /secret|pgpass/);
  // Nobody asks it where the password is known.
  assert.deepEqual(parseDatabaseUrl("postgresql://anna:secret@h/db", {}, files).remarks, []);
});

const services = `# of all
[staging]
host=staging
[prod]
host=db1
port=5433
# of the password
password=secret
sslmode=require
user=prod
[prod]
host=never
[odd]
host = db1
[strange]
keepalives=1
`;
const userServices = { "/home/anna/.pg_service.conf": services };
const commonServices = { "/etc/postgresql-common/pg_service.conf": "[prod]\nhost=common" };
// One row a service: URL, variables, files, what is meant.
const known: readonly (readonly [string, Record<string, string>, Record<string, string>, string | RegExp])[] =
  [
    ["postgresql://", { PGSERVICE: "prod" }, userServices, "prod:secret @ db1 5433 prod require"],
    ["postgresql://?service=prod", { PGSERVICE: "odd" }, userServices, "prod:secret @ db1 5433 prod require"],
    ["postgresql:///?service=staging", {}, userServices, "anna:- @ staging 5432 anna prefer"],
    [
      "postgresql://u@h:1/db?sslmode=disable",
      { PGSERVICE: "prod" },
      userServices,
      "u:secret @ h 1 db disable",
    ],
    [
      "postgresql://",
      { PGSERVICE: "prod", PGHOST: "h", PGUSER: "u" },
      userServices,
      "prod:secret @ db1 5433 prod require",
    ],
    ["postgresql://", { PGSERVICE: "prod" }, commonServices, "anna:- @ common 5432 anna prefer"],
    [
      "postgresql://",
      { PGSERVICE: "prod", PGSERVICEFILE: "/f" },
      { "/f": "[prod]\r\nhost=f\r\n" },
      "anna:- @ f 5432 anna prefer",
    ],
    [
      "postgresql://",
      { PGSERVICE: "prod", PGSYSCONFDIR: "/c" },
      { "/c/pg_service.conf": "[prod]\nhost=c" },
      "anna:- @ c 5432 anna prefer",
    ],
    [
      "postgresql://",
      { PGSERVICE: "none" },
      userServices,
      /^refused: Cannot find the service "none": it is not in \/home\/anna\/\.pg_service\.conf or \/etc/,
    ],
    [
      "postgresql://",
      { PGSERVICE: "odd" },
      userServices,
      /^refused: Cannot read line 14 of "\/home\/anna\/\.pg_service\.conf"/,
    ],
    [
      "postgresql://",
      { PGSERVICE: "strange" },
      userServices,
      /^refused: .* sets "keepalives", which is not known/,
    ],
  ];
for (const [url, variables, given, expected] of known) {
  test(`a service: ${url} with ${JSON.stringify(variables)}`, () => {
    const found = read(url, given, variables);
    if (typeof expected === "string") assert.equal(found, expected);
    else assert.match(found, expected);
  });
}

// One row a variable of libpq's that harbor-db cannot follow, and what is said of it.
const unsupported: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{ PGHOSTADDR: "10.0.0.1" }, /what PGHOSTADDR of the environment asks for/],
  [{ PGTARGETSESSIONATTRS: "standby" }, /what PGTARGETSESSIONATTRS of the environment asks for/],
  [{ PGCHANNELBINDING: "require" }, /PGCHANNELBINDING/],
  [{ PGREQUIREAUTH: "scram-sha-256" }, /PGREQUIREAUTH/],
  [{ PGSSLCRL: "/crl" }, /PGSSLCRL /],
  [{ PGHOST: "a,b" }, /several hosts/],
  [{ PGPORT: "1,2" }, /several hosts/],
];
for (const [variables, said] of unsupported) {
  test(`what harbor-db cannot do is said: ${JSON.stringify(variables)}`, () => {
    assert.match(read("postgresql:///db", {}, variables), said);
  });
}

test("variables that ask for nothing else are fine", () => {
  const variables = {
    PGTARGETSESSIONATTRS: "read-write",
    PGCHANNELBINDING: "prefer",
    PGCLIENTENCODING: "LATIN1",
  };
  assert.equal(read("postgresql://h/db", {}, variables), "anna:- @ h 5432 db prefer");
});

// One row: what the address says, and which files of the user's own are taken beside it.
for (
  const [said, expected] of [
    ["sslmode=require", "root.crt postgresql.crt postgresql.key"],
    ["sslmode=verify-full", "root.crt postgresql.crt postgresql.key"],
    ["sslmode=prefer", "postgresql.crt postgresql.key"],
    ["sslmode=verify-full&sslrootcert=system", "postgresql.crt postgresql.key"],
    ["sslmode=verify-full&sslrootcert=/other.pem&sslcert=/other.crt", "postgresql.key"],
    ["sslmode=disable", ""],
    ["host=/run/postgresql&sslmode=require", ""],
  ] as const
) {
  test(`an address with ${said} takes ${expected || "nothing"} of ~/.postgresql, as libpq does`, () => {
    // Whatever is there is taken, also what may not be read.
    const files = { home: "/home/anna", isThere: () => true, read: () => undefined };
    const found = parseDatabaseUrl(`postgresql://u:secret@h/db?${said}`, {}, files);
    assert.ok(found.driver === "postgres");
    const own = expected.split(" ").filter((name) => name !== "").map((name) =>
      `/home/anna/.postgresql/${name}`
    );
    assert.deepEqual(Object.values(found.files), own);
    const used = Object.values(found.sslFiles).filter((path) => path.startsWith("/home"));
    assert.deepEqual(used, own);
  });
}
