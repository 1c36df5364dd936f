import assert from "node:assert/strict";
import { test } from "node:test";
import { commandEntries } from "../../src/commands/all.ts";
import { projectFile } from "../support/project.ts";
import { type HereOptions, runHere } from "../support/run_here.ts";

/** Runs a command line that gets no further than to be read, on a terminal of so many places or in a pipe. */
async function run(line: string, options: HereOptions = {}) {
  const words = line === "" ? [] : line.split(" ").map((word) => word === "_" ? "" : word);
  const { code, stdout, stderr } = await runHere(words, options);
  return { code, stdout, stderr };
}

// One row a command line that cannot be taken: what it says, and where more stands.
const mistakes: readonly (readonly [string, string, string])[] = [
  ["upgarde", 'Cannot run "upgarde": there is no such command; did you mean upgrade?', "help"],
  ["help upgarde", 'Cannot run "upgarde": there is no such command; did you mean upgrade?', "help"],
  ["upgarde --help", 'Cannot run "upgarde": there is no such command; did you mean upgrade?', "help"],
  ["upgarde --frob", 'Cannot run "upgarde": there is no such command; did you mean upgrade?', "help"],
  ["help zzz", 'Cannot run "zzz": there is no such command', "help"],
  ["backup lst", 'Cannot run "backup lst": there is no such command; did you mean list?', "help backup"],
  ["help backup lst", 'Cannot run "backup lst": there is no such command; did you mean list?', "help backup"],
  [
    "status --exitcode",
    'Cannot take "--exitcode": there is no such option; did you mean --exit-code?',
    "help status",
  ],
  [
    "backup list --jsn",
    'Cannot take "--jsn": there is no such option; did you mean --json?',
    "help backup list",
  ],
  ["--frob", 'Cannot take "--frob": there is no such option', "help"],
  ["status --frob\n", 'Cannot take "--frob\\n": there is no such option', "help status"],
  [
    "backup list --compress zstd",
    'Cannot take "--compress": backup list has no such option',
    "help backup list",
  ],
  ["downgrade", 'Cannot run "downgrade": it is not said which target', "help downgrade"],
  ["current --dir", 'Cannot take "--dir <dir>": it has no value', "help"],
  ["current extra", 'Cannot take "extra": it is one argument too many', "help current"],
];
for (const [line, said, hint] of mistakes) {
  test(`"harbor-db ${line}" ends with 2 and says what may be meant`, async () => {
    const { code, stdout, stderr } = await run(line);
    assert.deepEqual([code, stdout, stderr], [2, "", `error: ${said}\nhint:  harbor-db ${hint}\n`]);
    assert.equal((await run(hint)).code, 0);
  });
}

// One row a database that cannot be read, and the remedy.
const addresses: readonly (readonly [string, Record<string, string>, Record<string, string>, RegExp])[] = [
  ["--database-url foo.db", {}, {}, /Write sqlite:\/\/\/foo\.db for that file/],
  ["--database-url /srv/a.sqlite3", {}, {}, /Write sqlite:\/\/\/\/srv\/a\.sqlite3 for/],
  ["--database-url user:secret@host/x.db", {}, {}, /Write sqlite:\/\/\/app\.db for a file/],
  ["", { DATABASE_URL: "" }, {}, /DATABASE_URL of the environment: it is empty/],
  ["", {}, { DATABASE_URL: "" }, /DATABASE_URL of \.env: it is empty/],
  ["", { HARBOR_DB_DATABASE_URL: "" }, {}, /HARBOR_DB_DATABASE_URL "": it is empty/],
  ["", { HARBOR_DB_DIR: "" }, {}, /HARBOR_DB_DIR "": it is empty/],
];
for (const [given, environment, dotEnv, said] of addresses) {
  const variables = JSON.stringify({ ...environment, ...dotEnv });
  test(`an address that is none is refused with where it stands: ${given || variables}`, async () => {
    const { code, stderr } = await run(`current ${given}`.trim(), { env: environment, dotEnv });
    assert.equal(code, 2);
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /secret/);
  });
}

test("the version is told in four ways, and to programs in JSON", async () => {
  for (const line of ["--version", "-V", "version", "status --version"]) {
    assert.deepEqual(await run(line), { code: 0, stdout: "harbor-db 0.1.0 (abc, test)\n", stderr: "" });
  }
  const { stdout } = await run("--json --version");
  assert.deepEqual(JSON.parse(stdout), { ok: true, version: "0.1.0", commit: "abc", runtime: "test" });
});

test("help is shown where a command is missing, and is JSON where that is asked for", async () => {
  const { code, stdout } = await run("");
  assert.deepEqual([code, stdout], [0, (await run("help")).stdout]);
  assert.match(stdout, /^Usage: harbor-db/);
  for (const line of ["--json", "--json --help", "help upgrade --json"]) {
    const { ok, help } = JSON.parse((await run(line)).stdout);
    assert.deepEqual([ok, help.slice(0, 16)], [true, "Usage: harbor-db"]);
  }
});

test("every command's help has each option once, and fits the terminal but for commands to paste", async () => {
  for (const { name } of commandEntries) {
    for (const columns of [80, 120]) {
      const { code, stdout } = await run(`help ${name}`, { columns });
      assert.equal(code, 0);
      const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map((match) => match[1]);
      assert.deepEqual(options, [...new Set(options)], name);
      assert.ok(["--help", "--json", "--version"].every((each) => options.includes(each)), name);
      const long = stdout.split("\n").filter((line) => line.length > columns);
      assert.deepEqual(long.filter((line) => !/^ {2}harbor-db /.test(line)), [], name);
    }
  }
});

test("-q and -y stand for --quiet and --yes", async () => {
  const { stdout } = await run("help");
  assert.match(stdout, /-q, --quiet .*\n(?:.*\n)*? +-y, --yes /);
  assert.deepEqual(await run("version -q -y"), await run("version"));
});

// One row a line as far as it is typed, and all that may stand at its end. "_" is an empty word.
const completions: readonly (readonly [string, string])[] = [
  ["zsh up", "upgrade"],
  ["bash up", "upgrade"],
  ["bash help backup p", "prune"],
  ["bash backup _", "list verify copy delete prune"],
  ["bash completions _", "bash zsh fish"],
  ["bash completions bash _", ""],
  ["zsh verify --qui", "--quick --quiet"],
  ["zsh verify --quick --qui", "--quiet"],
  ["zsh backup --compress=", "--compress=zstd --compress=gzip"],
  ["bash backup --compress =", "zstd gzip"],
  ["bash backup --compress = z", "zstd"],
  ["bash verify --skip data,hist", "data,history"],
  ["zsh status --log _", ":files"],
  ["zsh status --backup-dir _", ":folders"],
  ["zsh upgrade --lock-wait _", ""],
  ["zsh upgrade --lock-wait soon h", "head"],
  ["zsh upgrade --dir drizzle h", "head"],
  ["zsh downgrade --dir drizzle b", "base"],
  ["zsh stamp --dir drizzle 71", "71dda59686db"],
  ["bash --database-url postgresql : //u@h/x stamp --dir drizzle f", "f27bd10b7ec4"],
  ["zsh rebase --dir drizzle 5", "5b09ebe23c76"],
  ["zsh restore --database-url x b", ":files"],
  ["zsh nope --x=", ""],
];
for (const [line, expected] of completions) {
  test(`"${line}" is completed`, async () => {
    const { code, stdout, stderr } = await run(`complete ${line}`, { cwd: projectFile(".") });
    const words = stdout.split("\n").map((each) => each.split("\t")[0]);
    assert.deepEqual([code, stderr, words.join(" ").trim()], [0, "", expected]);
  });
}

test("a shell that shows what a candidate means is told", async () => {
  assert.equal((await run("complete fish upg")).stdout, "upgrade\tapply what is pending\n");
});
