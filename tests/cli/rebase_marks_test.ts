import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { commitAll, git } from "../support/git.ts";
import { projectFile } from "../support/project.ts";
import { runCli } from "../support/run_cli.ts";

// Two branches of a project of drizzle-kit's own, which counts its revisions: each has one with the number 0001.

const program = projectFile("node_modules/drizzle-kit/bin.cjs");
const config = { dialect: "sqlite", out: "./drizzle", schema: "./schema.ts" };
const made = mkdtempSync(join(tmpdir(), "harbor_db_marks_"));
after(() => rm(made, { recursive: true }));

/** Each branch changes another table, so that git makes one of schema.ts. */
const schema = (users: string, notes: string) => `
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
export const users = sqliteTable("users", { id: integer().primaryKey(), ${users} });
// What stands between the two, so that a change of the one is none of the other.
// One line more.
export const notes = sqliteTable("notes", { id: integer().primaryKey(), ${notes} });
`;

const kit = (cwd: string, ...args: readonly string[]) =>
  execFileSync("node", [program, ...args, "--config", "drizzle.config.json"], { cwd, encoding: "utf8" });

async function change(cwd: string, text: string, name: string): Promise<void> {
  await writeFile(join(cwd, "schema.ts"), text);
  kit(cwd, "generate", "--name", name);
  commitAll(cwd);
}

/** Makes the branches: `feature`, which is checked out, has two revisions of its own, and `main` has one. */
async function makeBranches(cwd: string): Promise<void> {
  await writeFile(
    join(cwd, "drizzle.config.json"),
    JSON.stringify({ ...config, dbCredentials: { url: "kit.db" } }),
  );
  await writeFile(join(cwd, ".gitignore"), "node_modules\n*.db\n");
  await symlink(projectFile("node_modules"), join(cwd, "node_modules"));
  git(cwd, "init", "--quiet", "--initial-branch=main");
  await change(cwd, schema("", ""), "first");
  git(cwd, "checkout", "--quiet", "-b", "feature");
  await change(cwd, schema("nick: text()", ""), "ours");
  await change(cwd, schema("nick: text(), age: integer()", ""), "more");
  git(cwd, "checkout", "--quiet", "main");
  await change(cwd, schema("", "body: text()"), "theirs");
  git(cwd, "checkout", "--quiet", "feature");
}

let branches: Promise<void> | undefined;

/** Runs work in a copy of the branches. */
async function withBranches(work: (cwd: string) => Promise<void>): Promise<void> {
  branches ??= makeBranches(made);
  await branches;
  await withFolder(async (cwd) => {
    await cp(made, cwd, { recursive: true, verbatimSymlinks: true });
    // Git takes copied files for changed ones until it has looked at them.
    git(cwd, "status");
    await work(cwd);
  });
}

const read = (cwd: string, path: string) => readFile(join(cwd, "drizzle", path), "utf8");
const journalOf = (text: string) =>
  (JSON.parse(text) as { entries: { idx: number; when: number; tag: string }[] }).entries;
const journal = "meta/_journal.json";
const behindEachOther = ["0000_first", "0001_theirs", "0002_ours", "0003_more"];

async function filesIn(cwd: string): Promise<readonly string[]> {
  const entries = await readdir(join(cwd, "drizzle"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) =>
    relative(join(cwd, "drizzle"), join(entry.parentPath, entry.name))
  ).sort();
}

/** The history is whole, for drizzle-kit too, and makes both tables as schema.ts has them. */
async function inOrder(cwd: string): Promise<void> {
  const entries = journalOf(await read(cwd, journal));
  assert.deepEqual(
    entries.map(({ idx, tag }) => ({ idx, tag })),
    behindEachOther.map((tag, idx) => ({ idx, tag })),
  );
  assert.ok(
    entries.every(({ when }, at) => at === 0 || when > entries[at - 1]!.when),
    "the dates do not rise",
  );
  const [, theirs] = journalOf(git(cwd, "show", `main:drizzle/${journal}`));
  assert.deepEqual(entries[1], theirs);
  assert.deepEqual(await filesIn(cwd), [
    ...behindEachOther.map((tag) => `${tag}.sql`),
    ...behindEachOther.map((_, idx) => `meta/000${idx}_snapshot.json`),
    journal,
  ]);
  const ends = await Promise.all(
    behindEachOther.map(async (_, idx) =>
      JSON.parse(await read(cwd, `meta/000${idx}_snapshot.json`)) as { id: string; prevId: string }
    ),
  );
  assert.ok(
    ends.every(({ prevId }, at) => at === 0 || prevId === ends[at - 1]!.id),
    "a snapshot is of another parent",
  );
  assert.match(kit(cwd, "check"), /Everything's fine/);
  assert.match(kit(cwd, "generate"), /No schema changes/);
  const check = await runCli(["check", "--strict", "--baseline", "head"], { cwd });
  assert.equal(check.code, 0, check.stdout);
  const upgraded = await runCli(["upgrade", "--no-backup"], { cwd });
  assert.equal(upgraded.code, 0, upgraded.stderr);
}

test("rebase in a merge counts this branch's revisions on behind the other's", () =>
  withBranches(async (cwd) => {
    git(cwd, "merge", "--quiet", "main");
    for (const path of [journal, "meta/0001_snapshot.json"]) assert.match(await read(cwd, path), /^<{7} /m);
    const { code, stdout, stderr } = await runCli(["rebase"], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /kept {2}0001 {2}theirs\nmoved 0002 {2}ours\nmoved 0003 {2}more\n/);
    assert.match(stdout, /took a merge's marks out of drizzle\/meta\/_journal\.json\n/);
    assert.match(stdout, /took a merge's marks out of drizzle\/meta\/0001_snapshot\.json\n/);
    assert.match(stdout, /sqlite: run up only: 0000 has no way back\n/);
    assert.match(stdout, /renamed 0001_ours to 0002_ours: .*\nrenamed 0002_more to 0003_more: /);
    await inOrder(cwd);
  }));

test("rebase where a git rebase stopped leaves what that goes onto where it is", () =>
  withBranches(async (cwd) => {
    const rest = ["-c", "core.editor=true"];
    git(cwd, "rebase", "--quiet", "main");
    assert.match(await read(cwd, journal), /^<{7} /m);
    // It stops at each of the two commits.
    for (const revision of ["0002", "0003"]) {
      const { code, stdout, stderr } = await runCli(["rebase"], { cwd });
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`moved ${revision} `));
      git(cwd, "add", "--all");
      try {
        execFileSync("git", [
          "-c",
          "user.name=a",
          "-c",
          "user.email=a@example.org",
          ...rest,
          "rebase",
          "--continue",
        ], {
          cwd,
          stdio: "pipe",
        });
      } catch {
        // It stopped at the next.
      }
    }
    assert.equal(git(cwd, "status", "--porcelain"), "");
    await inOrder(cwd);
  }));

test("a revert of a revision that others were made on is refused with what to do instead", () =>
  withBranches(async (cwd) => {
    git(cwd, "revert", "--no-edit", "HEAD~1");
    assert.match(await read(cwd, journal), /^<{7} /m);
    const refused = await runCli(["rebase"], { cwd });
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, /the revert takes 0001_ours back, and 0002_more was made on it/);
    const [command = "false"] = /git revert --abort/.exec(refused.stderr) ?? [];
    execFileSync("sh", ["-c", command], { cwd, stdio: "pipe" });
    await writeFile(join(cwd, "schema.ts"), schema("age: integer()", ""));
    // What drizzle-kit wrote has no way back.
    await runCli(["check", "--baseline", "head"], { cwd });
    const { code, stderr } = await runCli(["generate", "Drop nick", "--no-rename"], { cwd });
    assert.equal(code, 0, stderr);
  }));

test("a revision that a revert brings back goes behind those that came since", () =>
  withBranches(async (cwd) => {
    git(cwd, "checkout", "--quiet", "-b", "back", "feature~1");
    git(cwd, "revert", "--no-edit", "HEAD");
    await change(cwd, schema("", "body: text()"), "since");
    git(cwd, "revert", "--no-edit", "HEAD~1");
    assert.match(await read(cwd, journal), /^<{7} /m);
    const { code, stdout, stderr } = await runCli(["rebase"], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /kept {2}0001 {2}since\nmoved 0002 {2}ours\n/);
    assert.match(kit(cwd, "check"), /Everything's fine/);
  }));

test("whose snapshot is whose is known of a journal that was resolved by hand, too", () =>
  withBranches(async (cwd) => {
    git(cwd, "merge", "--quiet", "main");
    const both = (await read(cwd, journal)).replaceAll(/^(?:<{7}|={7}|>{7}).*\n/gm, "");
    await writeFile(join(cwd, "drizzle", journal), both);
    const { code, stderr } = await runCli(["rebase"], { cwd });
    assert.equal(code, 0, stderr);
    await inOrder(cwd);
  }));

test("two revisions of one name are named, and written one after the other by the remedy", () =>
  withBranches(async (cwd) => {
    git(cwd, "checkout", "--quiet", "-b", "twin", "main~1");
    await change(cwd, schema("nick: text()", ""), "theirs");
    git(cwd, "merge", "--quiet", "main");
    const refused = await runCli(["rebase"], { cwd });
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, /two revisions "0001_theirs" apart: both branches have one of that name/);
    const [command = "false"] = /git checkout --theirs -- \S+(?=;)/.exec(refused.stderr) ?? [];
    execFileSync("sh", ["-c", command], { cwd, stdio: "pipe" });
    assert.match(kit(cwd, "generate", "--name", "ours"), /0002_ours\.sql/);
  }));

test("a script that both branches changed is named, with its line, and rebase writes nothing", () =>
  withBranches(async (cwd) => {
    const first = join(cwd, "drizzle/0000_first.sql");
    const edit = async (text: string) => {
      await writeFile(first, `${text}\n${await readFile(first, "utf8")}`);
      commitAll(cwd);
    };
    await edit("-- Ours");
    git(cwd, "checkout", "--quiet", "main");
    await edit("-- Theirs");
    git(cwd, "checkout", "--quiet", "feature");
    git(cwd, "merge", "--quiet", "main");
    const before = await read(cwd, journal);
    const refused = await runCli(["rebase"], { cwd });
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, /Cannot read "drizzle\/0000_first\.sql:1": a merge left its marks in it/);
    assert.equal(await read(cwd, journal), before);
    const check = await runCli(["check"], { cwd });
    assert.match(check.stdout, /drizzle\/0000_first\.sql:1: a merge left its marks in it/);
    const [command = "false"] = /git checkout --ours -- \S+(?=;)/.exec(refused.stderr) ?? [];
    execFileSync("sh", ["-c", command], { cwd, stdio: "pipe" });
    const { code, stderr } = await runCli(["rebase"], { cwd });
    assert.equal(code, 0, stderr);
    await inOrder(cwd);
  }));

// One row a file: where a conflict stands in it, and the commands that meet it.
const conflict = (text: string) => `<<<<<<< HEAD\n${text}=======\n${text}>>>>>>> main\n`;
const everywhere = [["status"], ["upgrade"], ["history"], ["generate", "New"], ["create", "New"], [
  "squash",
  "0002",
]];
const places = [
  [journal, [...everywhere, ["drop"], ["check", "--baseline", "head"]], /harbor-db rebase/],
  [
    "meta/0002_snapshot.json",
    [["generate", "New"], ["create", "New"], ["squash", "0002"]],
    /harbor-db rebase/,
  ],
  ["SHA256SUMS", [["drop"], ["create", "New"], ["check", "--prove", "--accept-edits"]], /harbor-db rebase/],
  ["0002_more.sql", [["upgrade"], ["create", "New"]], /git checkout --ours -- .*0002_more\.sql; or --theirs/],
  ["BASELINE", [["create", "New"], ["drop"]], /Write into BASELINE the newest revision that databases have/],
] as const;
for (const [path, commands, remedy] of places) {
  test(`what meets a merge's marks in ${path} says so, with the remedy`, () =>
    withBranches(async (cwd) => {
      const baseline = await runCli(["check", "--baseline", "0001"], { cwd });
      assert.ok((await filesIn(cwd)).includes("BASELINE"), baseline.stderr);
      await mkdir(dirname(join(cwd, "drizzle", path)), { recursive: true });
      await writeFile(join(cwd, "drizzle", path), conflict(await read(cwd, path)));
      const check = await runCli(["check"], { cwd });
      assert.equal(check.code, 3, check.stdout);
      assert.match(check.stdout, new RegExp(`drizzle/${path}(?::1)?: a merge left its marks in it`));
      assert.match(check.stdout, remedy);
      for (const args of commands) {
        const { code, stdout, stderr } = await runCli([...args, "--database-url", "sqlite:///a.db"], { cwd });
        assert.ok(code === 2 || code === 1, `${args}: ${stdout}${stderr}`);
        assert.match(stderr, new RegExp(`${path}(?::1)?"?: a merge left its marks in it`), String(args));
        assert.match(stderr, remedy, String(args));
      }
    }));
}

test("rebase takes marks out of the list of checksums alone, and keeps what is right of both sides", () =>
  withBranches(async (cwd) => {
    await runCli(["check", "--baseline", "0001"], { cwd });
    const list = join(cwd, "drizzle/SHA256SUMS");
    const right = await readFile(list, "utf8");
    const wrong = right.replaceAll(/^[0-9a-f]{64}/gm, "0".repeat(64));
    await writeFile(list, `<<<<<<< HEAD\n${right}=======\n${wrong}>>>>>>> main\n`);
    const { code, stdout, stderr } = await runCli(["rebase"], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /took a merge's marks out of drizzle\/SHA256SUMS/);
    assert.equal(await readFile(list, "utf8"), right);
  }));

test("rebase keeps the squash of the other branch where both squashed, and puts this one's revisions behind it", () =>
  withFolder(async (cwd) => {
    const run = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await runCli(args, { cwd });
      assert.equal(code, 0, `${args.join(" ")}\n${stdout}${stderr}`);
      return stdout;
    };
    const generate = async (users: string, name: string) => {
      await writeFile(join(cwd, "schema.ts"), schema(users, ""));
      return /\b[0-9a-f]{12}\b/.exec(await run("generate", name))![0];
    };
    await writeFile(join(cwd, "drizzle.config.json"), JSON.stringify(config));
    git(cwd, "init", "--quiet", "--initial-branch=main");
    await generate("", "first");
    const second = await generate("nick: text()", "second");
    const third = await generate("nick: text(), age: integer()", "third");
    commitAll(cwd);
    git(cwd, "checkout", "--quiet", "-b", "feature");
    await run("squash", second);
    commitAll(cwd);
    const mine = await generate("nick: text(), age: integer(), mine: text()", "mine");
    commitAll(cwd);
    git(cwd, "checkout", "--quiet", "main");
    const squashed = /into ([0-9a-f]{12})/.exec(await run("squash", third))![1];
    commitAll(cwd);
    git(cwd, "checkout", "--quiet", "feature");
    git(cwd, "merge", "--quiet", "main");
    assert.match(await read(cwd, `covered/${journal}`), /^<{7} /m);
    assert.match(
      (await runCli(["check"], { cwd })).stdout,
      /covered\/meta\/_journal\.json:\d+: .*\n +harbor-db rebase\n/,
    );
    assert.match(await run("rebase"), new RegExp(`^kept {2}${squashed} .*\n(?:moved|kept ) ${mine} `, "m"));
    assert.match(await run("check", "--strict"), /^good/m);
    // Where there is no revision to move, and somebody resolved all but what the squashes stand for.
    git(cwd, "reset", "--quiet", "--hard");
    git(cwd, "clean", "-d", "--force", "--quiet");
    git(cwd, "checkout", "--quiet", "--detach", "feature~1");
    git(cwd, "merge", "--quiet", "main");
    git(cwd, "checkout", "--theirs", "--", `drizzle/${journal}`, "drizzle/SHA256SUMS");
    assert.match(await run("rebase"), /took a merge's marks out of drizzle\/covered\/meta\/_journal\.json/);
    assert.match(await run("check", "--strict"), /^good/m);
  }));
