import assert from "node:assert/strict";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commandEntries, loadCommand } from "../../src/commands/all.ts";
import { globalOptions } from "../../src/cli/global_options.ts";
import { longName } from "../../src/cli/options.ts";
import { settingOptions } from "../../src/commands/config/check_settings.ts";
import { pathNames, settingNames } from "../../src/commands/config/setting_names.ts";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { runHere } from "../support/run_here.ts";

const settings = `
backup-dir = "copies"
keep-last = 2

[databases.canary]
database-url = "sqlite:///canary.db"
backup-dir = "of-canary"
keep-last = 5
ping = "https://hc.example.org/secret"

[databases.production]
database-url = "sqlite:///production.db"
`;

/** An address in which a secret may be. */
const secrets = `
health-url = "https://app.example.org/well?key=secret"
`;

/** Runs `work` in a folder whose `etc` has the settings. */
async function withSettings(
  text: string,
  work: (run: (...args: readonly string[]) => ReturnType<typeof runCli>, cwd: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (cwd) => {
    await mkdir(join(cwd, "etc"));
    await writeFile(join(cwd, "etc/harbor-db.toml"), text);
    await work((...args) => runCli(args, { cwd, env: { HARBOR_DB_CONFIG: "etc/harbor-db.toml" } }), cwd);
  });
}

interface ConfigJson {
  readonly file: string;
  readonly databases: readonly string[];
  readonly settings: readonly { readonly name: string; readonly value: string; readonly from: string }[];
}

test("every setting is an option of a command", async () => {
  const commands = await Promise.all(commandEntries.map(loadCommand));
  const known = [globalOptions, ...commands.map(({ options }) => options)].flatMap((options) =>
    Object.values(options).map(longName)
  );
  assert.deepEqual(settingNames.filter((name) => !known.includes(name)), []);
  assert.deepEqual(pathNames.filter((name) => !settingNames.includes(name)), []);
});

test("config checks every setting as the option that it stands for", () => {
  assert.deepEqual(settingNames.filter((name) => settingOptions[name] === undefined), []);
});

// One row a value that config does not show as in force, and what it says of it.
const refusedValues: readonly (readonly [string, RegExp])[] = [
  [`keep-daily = "x"`, /Cannot read keep-daily of ".*harbor-db.toml" "x": use a whole number/],
  [`max-lock = "soon"`, /Cannot read max-lock of .* "soon": /],
  [`at = "25:00"`, /Cannot read at of .* "25:00": use HH:MM/],
  [`compress = "zip"`, /Cannot read compress of .* "zip": use zstd or gzip/],
  [`copy-to = "somewhere"`, /Cannot take copy-to of ".*harbor-db.toml": it is not s3:\/\/bucket\/prefix/],
  [`copy-to = "s3://co/a"`, /Cannot take copy-to of .*: the name of a bucket has 3 to 63 characters/],
  [`encrypt-to = ["age1nobody"]`, /Cannot take encrypt-to of .*: .*it is no age recipient/],
];
for (const [text, said] of refusedValues) {
  test(`config refuses ${text}`, () =>
    withFolder(async (cwd) => {
      await writeFile(join(cwd, "harbor-db.toml"), text);
      const result = await runHere(["config", "--config", "harbor-db.toml"], { cwd });
      assert.match(result.stderr, said);
      assert.deepEqual([result.code, result.stdout], [2, ""]);
    }));
}

test("config says what is in force, where it comes from, and no secret", () =>
  withSettings(`${secrets}${settings}`, async (run, cwd) => {
    const shown = await run("config", "--json", "--database", "canary");
    assert.equal(shown.code, 0, shown.stderr);
    const { file, databases, settings: rows } = shown.json<ConfigJson>();
    assert.equal(file, join(cwd, "etc/harbor-db.toml"));
    assert.deepEqual(databases, ["canary", "production"]);
    assert.deepEqual(rows.map(({ name, value }) => [name, value]), [
      ["database", "sqlite:///canary.db"],
      ["backup-dir", join(cwd, "etc/of-canary")],
      ["health-url", "https://app.example.org/well"],
      ["keep-last", "5"],
      ["ping", "(not shown)"],
    ]);
    assert.ok(rows.every(({ from }) => from === file));
    assert.doesNotMatch(shown.stdout, /secret/);
  }));

// One row an address with a secret that does not belong there.
for (
  const text of [
    'copy-to = "s3://me:secret@copies"',
    'health-url = "https://me:secret@app.example.org/?a=secret"',
  ]
) {
  test(`config refuses ${text}, and does not repeat it`, () =>
    withSettings(`${text}\n${settings}`, async (run) => {
      const { code, stdout, stderr } = await run("config", "--database", "canary");
      assert.equal(code, 2, stdout + stderr);
      assert.doesNotMatch(stdout + stderr, /secret/);
    }));
}

test("the environment counts more than the file, the command line more than both, and the file more than .env", () =>
  withSettings(`database-url = "sqlite:///file.db"\nkeep-last = 2\n`, async (_, cwd) => {
    await writeFile(join(cwd, ".env"), "DATABASE_URL=sqlite:///dotenv.db\n");
    await writeFile(join(cwd, "url"), "sqlite:///url.db");
    // One row: the environment, the arguments, the database that is meant.
    const rows: readonly (readonly [Readonly<Record<string, string>>, readonly string[], string])[] = [
      [{}, [], "file.db"],
      [{ DATABASE_URL: "sqlite:///env.db" }, [], "env.db"],
      [{ DATABASE_URL_FILE: "url" }, [], "url.db"],
      [{ HARBOR_DB_DATABASE_URL: "sqlite:///env.db" }, [], "env.db"],
      [{ HARBOR_DB_DATABASE_URL_FILE: "url" }, [], "url.db"],
      [{ HARBOR_DB_DATABASE_URL_FILE: "url" }, ["--database-url", "sqlite:///line.db"], "line.db"],
      [{ DATABASE_URL_FILE: "gone" }, ["--database-url", "sqlite:///line.db"], "line.db"],
      [{ DATABASE_URL: "sqlite:///env.db" }, ["--database-url", "sqlite:///line.db"], "line.db"],
    ];
    for (const [env, args, name] of rows) {
      const { stdout } = await runCli(["config", "--json", "--config", "etc/harbor-db.toml", ...args], {
        cwd,
        env,
      });
      const { settings: [first] } = JSON.parse(stdout) as ConfigJson;
      assert.equal(first!.value, `sqlite:///${name}`);
    }
  }));

// One row a file that cannot be taken: its text, the exit code, what is said.
const mistakes: readonly (readonly [string, number, RegExp])[] = [
  [`keep-dayly = 7`, 2, /it has no setting "keep-dayly"; did you mean keep-daily\?/],
  [`yes = true`, 2, /it has no setting "yes"/],
  [`constructor = 1`, 2, /it has no setting "constructor"/],
  [`[databases.a.__proto__]\na = 1`, 2, /"databases\.a\.__proto__" is no text/],
  [`[databases.a]\nkeep-dayly = 7`, 2, /it has no setting "keep-dayly"/],
  [`keep-last = "many"`, 2, /Cannot read keep-last of ".*harbor-db.toml" "many": use a whole number/],
  [
    `database-url = "sqlite:///a.db"\ndatabase-url-file = "b"`,
    2,
    /it says both database-url and database-url-file/,
  ],
  [`keep-last = `, 2, /Cannot read the settings in ".*harbor-db.toml": Invalid TOML/],
  [`keep-last = { a = 1 }`, 2, /"keep-last" is no text, number, truth or list/],
];
for (const [text, code, said] of mistakes) {
  test(`a file of settings with ${JSON.stringify(text)} is refused`, () =>
    withSettings(text, async (run) => {
      const result = await run("backup");
      assert.match(result.stderr, said);
      assert.equal(result.code, code);
    }));
}

test("a file of settings that others may write, and a database that it does not name, are refused", () =>
  withSettings(settings, async (run, cwd) => {
    assert.match((await run("status", "--database", "nope")).stderr, /names canary, production/);
    // A remedy that is pasted is about the same database.
    const lost = await run(
      "restore",
      "nope",
      "--database",
      "canary",
      "--config",
      "etc/harbor-db.toml",
      "--yes",
    );
    assert.match(lost.stderr, /backup list --config etc\/harbor-db.toml --database canary/);
    const both = await run("status", "--database", "canary", "--database-url", "sqlite:///x.db");
    assert.deepEqual([both.code, /both --database and --database-url/.test(both.stderr)], [2, true]);
    await chmod(join(cwd, "etc/harbor-db.toml"), 0o666);
    const open = await run("status");
    assert.deepEqual([open.code, /others may write it/.test(open.stderr)], [4, true]);
  }));

test("a database of the file that does not say where it is is refused, and made nowhere", () =>
  withSettings(`[databases.lost]\nkeep-last = 3\n`, async (run, cwd) => {
    const result = await run("upgrade", "--database", "lost");
    assert.equal(result.code, 2);
    assert.match(result.stderr, /does not say where it is/);
    assert.deepEqual(await readdir(cwd), ["etc"]);
  }));

test("upgrade --all begins with the first, and touches no other when that fails; verify --all looks at all", () =>
  withSettings(settings, async (run, cwd) => {
    await writeFile(join(cwd, "canary.db"), "no database at all, but long enough to be looked at");
    const stopped = await run("upgrade", "--all", "--json");
    assert.equal(stopped.code, 1, stopped.stdout);
    const { ok, databases, untouched } = stopped.json<
      { ok: boolean; databases: readonly { name: string; ok: boolean }[]; untouched: readonly string[] }
    >();
    assert.deepEqual([ok, databases.map(({ name }) => name), untouched], [false, ["canary"], ["production"]]);
    await writeFile(join(cwd, "canary.db"), "");
    const done = await run("upgrade", "--all");
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /canary[^]*7b1f73160408[^]*production[^]*7b1f73160408/);
    const verified = await run("verify", "--all", "--json", "--skip", "backup");
    assert.equal(verified.code, 0, verified.stdout);
    assert.equal(verified.json<{ databases: readonly unknown[] }>().databases.length, 2);
    assert.equal((await run("backup", "--all")).code, 2);
    assert.match(
      (await run("verify", "--all", "--report", "x.html")).stderr,
      /Cannot use one --report for all databases/,
    );
    // Each has its own settings, also where the file says another for all.
    for (const name of ["canary", "production"]) await run("downgrade", "-1", "--yes", "--database", name);
    assert.equal((await run("upgrade", "--all")).code, 0);
    assert.ok((await readdir(join(cwd, "etc/of-canary"))).every((each) => each.startsWith("canary-")));
    assert.ok((await readdir(join(cwd, "etc/copies"))).every((each) => each.startsWith("production-")));
  }));
