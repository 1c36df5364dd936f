import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { emptySnapshots } from "../support/samples/script_history.ts";
import { runCli } from "../support/run_cli.ts";
import { runHere } from "../support/run_here.ts";

const schema = (more = "") => `
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
export const notes = sqliteTable("notes", { id: integer().primaryKey(), shownAs: text(), ${more} });
`;

/** A project as Drizzle's own users have it, without a history. */
const config = `export default defineConfig({
  out: "./src/db/migrations", schema: "./src/db/schema.ts", dialect: "sqlite", casing: "snake_case",
  dbCredentials: { url: readSecret() },
});`;

test("a drizzle.config says where history and schema are, which dialect and casing; it is not run", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "src/db"), { recursive: true });
    await writeFile(join(cwd, "drizzle.config.ts"), config);
    await writeFile(join(cwd, "src/db/schema.ts"), schema());
    const run = async (...args: readonly string[]) => {
      const result = await runCli(args, { cwd });
      assert.equal(result.code, 0, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result.stdout;
    };
    await run("generate", "First");
    await writeFile(join(cwd, "src/db/schema.ts"), schema("body: text()"));
    await run("generate", "Second");
    const files = await readdir(join(cwd, "src/db/migrations"));
    assert.deepEqual(files.filter((name) => !name.endsWith(".sql")).sort(), ["SHA256SUMS", "meta"]);
    assert.equal(files.filter((name) => name.endsWith(".sql")).length, 4);
    await run("check");
    await run("upgrade");
    assert.match(await run("status"), /src\/db\/migrations/);
    await run("downgrade", "-1", "--yes");
  }));

test("generate says how to go on from a history without ways back, and that is so", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "src/db"), { recursive: true });
    await writeFile(join(cwd, "drizzle.config.ts"), config);
    await writeFile(join(cwd, "src/db/schema.ts"), schema());
    assert.equal((await runCli(["generate", "First"], { cwd })).code, 0);
    const folder = join(cwd, "src/db/migrations");
    const down = (await readdir(folder)).find((name) => name.endsWith(".down.sql"))!;
    await rm(join(folder, down));
    await writeFile(join(cwd, "src/db/schema.ts"), schema("body: text()"));
    const refused = await runCli(["generate", "Second"], { cwd });
    const [, id] = /harbor-db check --baseline (\w+)/.exec(refused.stderr) ?? assert.fail(refused.stderr);
    await runCli(["check", "--baseline", id!], { cwd });
    const generated = await runCli(["generate", "Second"], { cwd });
    assert.equal(generated.code, 0, generated.stderr);
    // So the kit writes one: without a way back, and on no list.
    const second = (await readdir(folder)).find((name) => name.endsWith("_second.down.sql"))!;
    await rm(join(folder, second));
    const list = join(folder, "SHA256SUMS");
    const lines = (await readFile(list, "utf8")).split("\n");
    await writeFile(list, lines.filter((line) => !line.includes(second.slice(0, 12))).join("\n"));
    const unlisted = await runCli(["check", "--baseline", "head"], { cwd });
    const [, command] = /harbor-db (check --baseline .*)/.exec(unlisted.stderr) ??
      assert.fail(unlisted.stderr);
    const proven = await runCli([...command!.split(" "), "--strict"], { cwd });
    assert.equal(proven.code, 0, proven.stdout);
  }));

test("the history of another kit goes on: with its ids, its snapshots, and what generate adds", () =>
  withFolder(async (cwd) => {
    await cp(projectFile("tests/support/histories/kit-0.31/sqlite"), join(cwd, "drizzle"), {
      recursive: true,
    });
    await writeFile(join(cwd, "drizzle.config.json"), `{ "schema": "all.ts", "dialect": "sqlite" }`);
    const all = await runCli(["upgrade", "0001", "--json"], { cwd });
    assert.deepEqual(all.json()["to"], "0001", all.stderr);
    const tag = (await readdir(join(cwd, "drizzle"))).find((name) => name.startsWith("0002_"))!;
    assert.equal((await runCli(["upgrade", tag.slice(0, 6)], { cwd })).code, 0);
    const irreversible = await runCli(["downgrade", "0001", "--yes"], { cwd });
    assert.match(irreversible.stderr, /Cannot downgrade "0002" \(step 3\): it has no downgrade script/);
    // The schema of the revision that it is at is compared, and no older one.
    for (const [revision, notChecked] of [["0001", []], ["0002", ["schema of 0002"]]] as const) {
      await rm(join(cwd, `drizzle/meta/${revision}_snapshot.json`));
      assert.deepEqual((await runCli(["verify", "--json"], { cwd })).json()["notChecked"], notChecked);
    }
  }));

test("a role that a history made may go on being said, and no revision makes, changes or drops one", () =>
  withFolder(async (cwd) => {
    const write = (role: string) =>
      writeFile(
        join(cwd, "schema.ts"),
        `import { integer, pgRole, pgTable } from "drizzle-orm/pg-core";
export const t = pgTable("t", { id: integer().primaryKey() });\n${role}`,
      );
    await writeFile(join(cwd, "drizzle.config.json"), `{ "schema": "schema.ts", "dialect": "postgresql" }`);
    await write("");
    assert.equal((await runCli(["generate", "First"], { cwd })).code, 0);
    const meta = join(cwd, "drizzle/meta");
    const path = join(meta, (await readdir(meta)).find((name) => name.endsWith("_snapshot.json"))!);
    // What it does not say is as the server has it by itself.
    const reader = { name: "reader", createDb: false };
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), roles: { reader } }));
    const look = async (role: string) => {
      await write(`export const reader = ${role};`);
      return await runCli(["generate", "--check", "Second"], { cwd });
    };
    for (const role of [`pgRole("reader")`, `pgRole("reader").existing()`]) {
      const { code, stdout, stderr } = await look(role);
      assert.equal(code, 0, stdout + stderr);
      assert.doesNotMatch(stderr, /the role/);
    }
    assert.match((await look(`pgRole("writer")`)).stderr, /"writer": it is a role.*\n.*CREATE ROLE/);
    assert.match(
      (await look(`pgRole("reader", { createDb: true })`)).stderr,
      /"reader": it is a role.*\n.*ALTER ROLE/,
    );
    const { code, stderr } = await look("null");
    assert.equal(code, 0);
    assert.match(stderr, /the role reader stays, which schema\.ts names no more/);
  }));

test("a history that is not of the database's dialect says which address is wanted", () =>
  withFolder(async (cwd) => {
    for (const place of ["drizzle", "drizzle/sqlite"]) {
      await rm(join(cwd, "drizzle"), { recursive: true, force: true });
      await cp(projectFile("tests/support/histories/kit-0.31/sqlite"), join(cwd, place), { recursive: true });
      const { code, stderr } = await runCli(["status", "--database-url", "postgresql://h/d"], { cwd });
      assert.equal(code, 2);
      assert.match(stderr, /Cannot read .*drizzle": it is of sqlite, and the database is of postgresql/);
      assert.match(stderr, /Name the database: --database-url <sqlite URL>; or as DATABASE_URL/);
    }
  }));

const plain = (line: string) => line.replaceAll(/ +/g, " ");

test("check says once what is so at many places, passes what it looked at and no more, and compares no dialects where there is one", () =>
  withFolder(async (cwd) => {
    await cp(projectFile("tests/support/histories/kit-0.31/sqlite"), join(cwd, "drizzle"), {
      recursive: true,
    });
    const checksOf = async () => {
      const check = await runCli(["check", "--json"], { cwd });
      return check.json<{ findings: { check: string }[] }>().findings.map((finding) => finding.check);
    };
    const whole = await checksOf();
    assert.equal(whole.filter((check) => check === "downgrade").length, 3);
    const { stdout } = await runCli(["check"], { cwd });
    assert.deepEqual(stdout.match(/^FAIL +downgrade.*$/gm)?.map(plain), [
      "FAIL downgrade drizzle/0002_step_3.down.sql: there is no such file, so the revision cannot be undone " +
      "(and 2 places before it, from drizzle/0000_step_1.down.sql on)",
    ]);
    assert.ok(whole.includes("hazard") && !whole.includes("dialects"), whole.join(" "));
    const [script] = (await readdir(join(cwd, "drizzle"))).filter((name) => name.endsWith(".sql"));
    await rm(join(cwd, "drizzle", script!));
    assert.deepEqual([...new Set(await checksOf())], ["journal", "files", "edited"]);
  }));

test("verify says once of an empty database that old snapshots of the history are not there", () =>
  withFolder(async (cwd) => {
    const history = join(cwd, "drizzle");
    await cp(projectFile("tests/support/histories/kit-0.31/sqlite"), history, { recursive: true });
    for (const number of ["0000", "0001"]) await rm(join(history, "meta", `${number}_snapshot.json`));
    await writeFile(join(cwd, "openharbor.db"), "");
    const { json } = await runCli(["verify", "--only", "schema", "--json"], { cwd });
    const { findings, notChecked } = json<{
      findings: { status: string; message: string }[];
      notChecked: string[];
    }>();
    const warned = findings.filter(({ status }) => status === "warn");
    assert.equal(warned.length, 1, JSON.stringify(findings));
    assert.match(
      warned[0]!.message,
      /^the schema of revision 0000 is not known, .*there is no such file \(nor are those of 1 other revision: 0001\)$/,
    );
    assert.deepEqual(notChecked.filter((each) => each.startsWith("schema of")), [
      "schema of 0000",
      "schema of 0001",
    ]);
  }));

for (const kit of ["kit-0.31", "kit-1.0"]) {
  test(`the history of ${kit} that is deployed alone is gone by, and not the one that is built in`, () =>
    withFolder(async (cwd) => {
      const from = projectFile(`tests/support/histories/${kit}/sqlite`);
      await cp(from, join(cwd, "drizzle"), { recursive: true });
      const upgraded = await runCli(["upgrade", "--json"], { cwd });
      assert.equal(upgraded.code, 0, upgraded.stderr);
      const { history, steps } = upgraded.json<{ history: { dir: string }; steps: { name: string }[] }>();
      assert.equal(history.dir, join(cwd, "drizzle"));
      assert.match(steps.at(-1)!.name, /^step/);
    }));
}

for (const place of ["drizzle", "drizzle/sqlite"]) {
  test(`scripts in ${place} that are deployed without their journal are a history that cannot be read, and no other is run`, () =>
    withFolder(async (cwd) => {
      await cp(projectFile("tests/support/histories/kit-0.31/sqlite"), join(cwd, place), { recursive: true });
      await rm(join(cwd, place, "meta"), { recursive: true });
      for (const command of ["status", "upgrade"]) {
        const { code, stderr } = await runCli([command], { cwd });
        assert.equal(code, 2, stderr);
        assert.match(stderr, /Cannot read .*drizzle.*_journal\.json/);
      }
      assert.deepEqual(await readdir(cwd), ["drizzle"]);
    }));
}

test("what is only called drizzle is no project: neither a file, nor a folder with something else in it", () =>
  withFolder(async (cwd) => {
    const inside = join(cwd, "inside");
    const builtIn = async () => {
      for (const folder of [cwd, inside]) {
        const result = await runCli(["status", "--json"], { cwd: folder });
        assert.equal(result.code, 0, result.stderr);
        assert.equal(result.json<{ history: { dir: string | null } }>().history.dir, null);
      }
    };
    await mkdir(inside);
    await writeFile(join(cwd, "drizzle"), "a program");
    await builtIn();
    await rm(join(cwd, "drizzle"));
    await mkdir(join(cwd, "drizzle/photos"), { recursive: true });
    await builtIn();
  }));

test("what libSQL alone takes is not called wrong in a history for Turso, and a file says what it needs", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "drizzle/meta"), { recursive: true });
    const entries = [{ idx: 0, when: 1, tag: "0000_first" }];
    await writeFile(join(cwd, "drizzle/meta/_journal.json"), JSON.stringify({ dialect: "turso", entries }));
    const script = [
      "CREATE TABLE notes (id integer PRIMARY KEY)",
      'ALTER TABLE `notes` ALTER COLUMN "id" TO "id" text',
    ];
    await writeFile(join(cwd, "drizzle/0000_first.sql"), script.join(";--> statement-breakpoint\n"));
    const snapshot = JSON.stringify({ id: "1", prevId: "0", ...emptySnapshots.sqlite });
    await writeFile(join(cwd, "drizzle/meta/0000_snapshot.json"), snapshot);
    const check = await runCli(["check", "--json"], { cwd });
    const { findings } = check.json<{ findings: { check: string; status: string; message: string }[] }>();
    const [syntax] = findings.filter((each) => each.check === "syntax");
    assert.equal(syntax?.status, "warn");
    assert.match(
      syntax.message,
      /0000_first\.sql:2: ALTER COLUMN … TO is libSQL's own: neither it nor what follows/,
    );
    const upgrade = await runCli(["upgrade"], { cwd });
    assert.equal(upgrade.code, 1);
    assert.match(upgrade.stderr, /such a history needs a libSQL server/);
  }));

test("generate says what it does not write in the folders of drizzle-kit 1.0, and check reads them", () =>
  withFolder(async (cwd) => {
    await cp(projectFile("tests/support/histories/kit-1.0/sqlite"), join(cwd, "drizzle"), {
      recursive: true,
    });
    // It is not run: the words of drizzle-orm 1.0 are not those that the program brings.
    await writeFile(
      join(cwd, "schema.ts"),
      'import { defineRelations } from "drizzle-orm";\ndefineRelations();\n',
    );
    const refused = await runCli(["generate", "More"], { cwd });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /laid out as drizzle-kit 1\.0 does it.*drizzle-kit generate/s);
    const whole = await runCli(["squash", "step_2"], { cwd });
    assert.equal(whole.code, 2);
    assert.match(whole.stderr, /Cannot squash in ".*": it is laid out as drizzle-kit 1\.0 does it/);
    const check = await runCli(["check", "--json"], { cwd });
    const { findings } = check.json<{ findings: { check: string; status: string; message: string }[] }>();
    const found = findings.filter(({ status }) => status !== "pass").map((each) =>
      `${each.check} ${each.status}`
    );
    assert.deepEqual(
      [...new Set(found)].sort(),
      ["downgrade fail", "edited warn", "hazard warn"],
      check.stdout,
    );
  }));

for (const [dialect, core, table] of [["sqlite", "sqlite", "sqliteTable"], ["postgresql", "pg", "pgTable"]]) {
  test(`generate and squash go on from snapshots without sections that say nothing (${dialect})`, () =>
    withFolder(async (cwd) => {
      const write = (more: string) =>
        writeFile(
          join(cwd, "schema.ts"),
          `import { integer, ${table}, text } from "drizzle-orm/${core}-core";
export const t = ${table}("t", { id: integer().primaryKey(), ${more} });`,
        );
      const run = async (...args: readonly string[]) => {
        const result = await runHere(args, { cwd });
        assert.equal(result.code, 0, result.stdout + result.stderr);
        return result.stdout;
      };
      await writeFile(
        join(cwd, "drizzle.config.json"),
        JSON.stringify({ dialect, schema: "schema.ts", out: "drizzle" }),
      );
      await write("");
      await run("generate", "First");
      const meta = join(cwd, "drizzle/meta");
      for (const name of (await readdir(meta)).filter((each) => each.endsWith("_snapshot.json"))) {
        const { id, prevId, version, dialect, tables } = JSON.parse(await readFile(join(meta, name), "utf8"));
        await writeFile(join(meta, name), JSON.stringify({ id, prevId, version, dialect, tables }));
      }
      assert.match(await run("generate", "Check", "--check"), /agree/);
      await write("name: text()");
      await run("generate", "Second");
      await run("squash", "head");
    }));
}

test("folders that are empty stand in no first revision's way, nor does what keeps one in version control", () =>
  withFolder(async (cwd) => {
    await cp(projectFile("schema.ts"), join(cwd, "schema.ts"));
    for (const path of ["sqlite/meta", "postgresql"]) {
      await mkdir(join(cwd, "drizzle", path), { recursive: true });
    }
    await writeFile(join(cwd, "drizzle/postgresql/.gitkeep"), "");
    await writeFile(join(cwd, "drizzle/postgresql/host.sql"), "CREATE SCHEMA auth;\n");
    for (const args of [["check"], ["status", "--dir", "drizzle"]]) {
      const { code, stderr } = await runHere(args, { cwd });
      assert.equal(code, 2, stderr);
      assert.match(stderr, /it holds none|there is no revision in "sqlite"/);
    }
    const { code, stderr } = await runHere(["generate", "First"], { cwd });
    assert.equal(code, 0, stderr);
    const check = await runHere(["check"], { cwd });
    assert.equal(check.code, 0, check.stdout);
  }));

test("a history that drizzle-kit 1.0 laid out anew keeps its ways back and its baseline, and check says how", () =>
  withFolder(async (cwd) => {
    const tag = "20261128225040_step_1";
    await cp(projectFile("tests/support/histories/kit-1.0/sqlite"), join(cwd, "drizzle"), {
      recursive: true,
    });
    await writeFile(join(cwd, "drizzle/0000_step_1.down.sql"), "DROP TABLE users");
    await writeFile(join(cwd, "drizzle/BASELINE"), "0000  step 1\n");
    const refused = await runCli(["rebase"], { cwd });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /Cannot rebase in ".*drizzle": it is laid out as drizzle-kit 1\.0 does it/);
    await writeFile(join(cwd, "schema.ts"), "export {};");
    const check = await runCli(["check"], { cwd });
    assert.match(
      check.stdout,
      new RegExp(
        `0000_step_1\\.down\\.sql: it belongs to no revision\\n +mv drizzle/0000_step_1\\.down\\.sql drizzle/${tag}/down\\.sql\\n`,
      ),
    );
    assert.match(
      check.stdout,
      /pass +schema +schema\.ts was not compared: it is laid out as drizzle-kit 1\.0 does it/,
    );
    assert.doesNotMatch(check.stdout, new RegExp(`${tag}/down\\.sql: there is no such file|BASELINE: `));
    await runCli(["upgrade"], { cwd });
    await rm(join(cwd, "drizzle/20261128225049_step_3/down.sql"));
    const downgrade = await runCli(["downgrade", "-1", "--yes"], { cwd });
    assert.match(downgrade.stderr, /Write 20261128225049_step_3\/down\.sql/);
    // Somebody wrote the newest by hand.
    await mkdir(join(cwd, "drizzle/20270101000000_hand"));
    await writeFile(join(cwd, "drizzle/20270101000000_hand/migration.sql"), "SELECT 1;");
    const status = await runCli(["status"], { cwd });
    assert.match(status.stdout, /20270101000000 +hand/, status.stderr);
  }));
