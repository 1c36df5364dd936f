import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { finishInterrupted } from "../../src/author/writing/write_together.ts";
import { withFolder } from "../support/databases.ts";
import { commitAll, git } from "../support/git.ts";
import { changedFiles, leaveKilled } from "../support/killed_write.ts";
import { openProject, type SchemaProject, withUnreleasedProject } from "../support/samples/schema_project.ts";

async function generate(project: SchemaProject, name: string, ...flags: readonly string[]): Promise<string> {
  const result = await project.run(["generate", name, "--json", ...flags]);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return result.json<{ revision: { revision: string } }>().revision.revision;
}

interface Branches {
  readonly project: SchemaProject;
  /** Generated on the branch `feature`. */
  readonly ours: string;
  /** Generated on the branch `main`. */
  readonly theirs: string;
}

type Change = (project: SchemaProject) => Promise<void>;

const addRating: Change = (project) =>
  project.edit("collection_id: integer()", "rating: integer(),\n  collection_id: integer()");
const addNick: Change = async (project) => {
  await project.edit(
    "last_login: timestamp(),",
    "last_login: timestamp(),\n  nick: varchar({ length: 40 }),",
  );
  const last = 'uniqueIndex("ix_users_email")';
  await project.edit(last, `index("ix_users_nick").on(users.nick),\n  ${last}`);
};

interface Changes {
  readonly ours: Change;
  readonly theirs: Change;
  readonly flags?: readonly string[];
}

/** Two changes that go well with each other, and their branches, which are made once and copied. */
const apart: Changes = { ours: addRating, theirs: addNick };
const kept = mkdtempSync(join(tmpdir(), "harbor_db_rebase_"));
after(() => rm(kept, { recursive: true }));
let branchesApart: Promise<Omit<Branches, "project">> | undefined;

/** Runs `work` on the branches of {@link apart}, as {@link withBranches} does. */
async function withBranchesApart(work: (branches: Branches) => Promise<void>): Promise<void> {
  branchesApart ??= (async () => {
    let made: Omit<Branches, "project"> | undefined;
    await withBranches(apart, async ({ project, ours, theirs }) => {
      await cp(project.cwd, kept, { recursive: true });
      made = { ours, theirs };
    });
    return made!;
  })();
  const revisions = await branchesApart;
  await withFolder(async (cwd) => {
    await cp(kept, cwd, { recursive: true });
    const project = openProject(cwd);
    // Git takes copied files for changed ones until it has looked at them.
    git(project.cwd, "status");
    await work({ project, ...revisions });
  });
}

/** Runs `work` on the branch feature, into which main was merged: both have a revision of their own. */
function withBranches(
  { ours, theirs, flags = [] }: Changes,
  work: (branches: Branches) => Promise<void>,
): Promise<void> {
  return withUnreleasedProject(async (project) => {
    git(project.cwd, "init", "--quiet", "--initial-branch=main");
    commitAll(project.cwd);
    git(project.cwd, "checkout", "--quiet", "-b", "feature");
    await ours(project);
    const own = await generate(project, "Ours", ...flags);
    commitAll(project.cwd);
    git(project.cwd, "checkout", "--quiet", "main");
    await theirs(project);
    const other = await generate(project, "Theirs");
    commitAll(project.cwd);
    git(project.cwd, "checkout", "--quiet", "feature");
    git(project.cwd, "merge", "--quiet", "main");
    await work({ project, ours: own, theirs: other });
  });
}

async function order(project: SchemaProject, dialect = "sqlite"): Promise<readonly string[]> {
  const journal = JSON.parse(await project.read(`drizzle/${dialect}/meta/_journal.json`));
  return journal.entries.map((entry: { tag: string }) => entry.tag.slice(0, 12));
}

test("in the middle of a merge, rebase puts this branch's revision behind the other's", () =>
  withBranchesApart(async ({ project, ours, theirs }) => {
    const before = await project.files();
    assert.match(before["sqlite/meta/_journal.json"]!, /<<<<<<</);
    assert.equal((await project.run(["check"])).code, 3);
    const result = await project.run(["rebase", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    const moved = result.json<{
      order: { revision: string; moved: boolean }[];
      resolved: string[];
      renumbered: unknown[];
      rewritten: unknown[];
    }>();
    assert.deepEqual(moved.order.slice(-2), [
      { revision: theirs, name: "Theirs", moved: false },
      { revision: ours, name: "Ours", moved: true },
    ]);
    assert.deepEqual(moved.rewritten, []);
    assert.deepEqual(moved.renumbered, []);
    for (const dialect of ["sqlite", "postgresql"]) {
      assert.ok(moved.resolved.includes(join(project.cwd, `drizzle/${dialect}/meta/_journal.json`)));
    }
    const after = await project.files();
    for (const dialect of ["sqlite", "postgresql"]) {
      assert.deepEqual((await order(project, dialect)).slice(-2), [theirs, ours]);
      // What the other branch has is as it has it: databases know its date.
      const journal = `drizzle/${dialect}/meta/_journal.json`;
      const [merged, main] = [await project.read(journal), git(project.cwd, "show", `main:${journal}`)].map((
        text,
      ) => JSON.parse(text).entries);
      assert.deepEqual(merged.slice(0, -1), main);
      const script = `${dialect}/${ours}_ours.sql`;
      assert.equal(after[script], before[script], "the script was changed");
      const snapshot = JSON.parse(after[`${dialect}/meta/${ours}_snapshot.json`]!);
      assert.equal(snapshot.prevId, `00000000-0000-4000-8000-${theirs}`);
    }
    const check = await project.run(["check", "--prove"]);
    assert.equal(check.code, 0, check.stdout);
    assert.equal((await project.run(["generate", "--check"])).code, 0);
    assert.equal((await project.run(["upgrade", "--dir", "drizzle", "--no-backup"])).code, 0);
    // What is lost comes back by the remedy, also from the last commit.
    commitAll(project.cwd);
    const snapshot = `drizzle/sqlite/meta/${ours}_snapshot.json`;
    const committed = await project.read(snapshot);
    const removals = [
      () => rmSync(join(project.cwd, snapshot)),
      () => git(project.cwd, "rm", "--quiet", snapshot),
    ];
    for (const remove of removals) {
      remove();
      const { stdout } = await project.run(["check"]);
      const [command = "false"] = /git checkout.*$/m.exec(stdout) ?? [];
      execFileSync("sh", ["-c", command], { cwd: project.cwd });
      assert.equal(await project.read(snapshot), committed);
    }
  }));

test("a rebase that was killed at any of its files is ended, and check says what ends it", () =>
  withBranchesApart(async ({ project }) => {
    const before = await project.files();
    const rebased = await project.run(["rebase", "--json"]);
    assert.equal(rebased.code, 0, rebased.stdout + rebased.stderr);
    const after = await project.files();
    const order = rebased.json<{ files: string[] }>().files.map((file) =>
      relative(join(project.cwd, "drizzle"), file)
    );
    assert.deepEqual([...order].sort(), [...changedFiles(before, after)].sort());
    const dir = join(project.cwd, "drizzle");
    const writing = { lock: `${project.cwd}.lock`, waitMs: 0, signal: new AbortController().signal };
    const killedBehind = (count: number) => {
      const done = new Set(order.slice(0, count));
      return leaveKilled(project, "rebase", { before, after, isDone: (path) => done.has(path) });
    };
    for (let count = 0; count <= order.length; count++) {
      await killedBehind(count);
      assert.equal(await finishInterrupted(dir, writing), "rebase");
      assert.deepEqual(await project.files(), after, `killed behind ${count} files`);
    }
    await rm(writing.lock, { force: true });

    await killedBehind(2);
    const check = await project.run(["check"]);
    assert.equal(check.code, 3, check.stdout);
    assert.match(
      check.stdout,
      new RegExp(`a rebase is not finished: 2 of ${order.length} files are.*harbor-db rebase`, "s"),
    );
    const again = await project.run(["rebase"]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /^ended the rebase that an interrupted harbor-db had begun/);
    assert.deepEqual(await project.files(), after);
  }));

test("a SQLite rebuild that does not know the other branch's column is written anew", () =>
  withBranches({
    ours: (project) => project.edit("IN ('local', 'r2')", "IN ('local', 'r2', 's3')"),
    theirs: addRating,
    flags: ["--allow", "table_rewrite=few rows"],
  }, async ({ project, ours }) => {
    const result = await project.run(["rebase", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    const { rewritten } = result.json<{ rewritten: { file: string; reason: string }[] }>();
    assert.deepEqual(rewritten.map(({ file }) => file), [`drizzle/sqlite/${ours}_ours.sql`]);
    assert.match(rewritten[0]!.reason, /column files\.rating was added before it/);
    const script = await project.read(`drizzle/sqlite/${ours}_ours.sql`);
    assert.match(script, /`rating` INTEGER/);
    assert.match(script, /-- harbor:allow table_rewrite few rows\nCREATE TABLE/);
    assert.equal((await project.run(["check", "--prove"])).code, 0);
  }));

test("after the merge is committed, rebase takes the branch or the revision", () =>
  withBranchesApart(async ({ project, ours, theirs }) => {
    // Both sides kept, as an editor's button does it.
    for (const dialect of ["sqlite", "postgresql"]) {
      const path = `drizzle/${dialect}/meta/_journal.json`;
      const text = await project.read(path);
      const both = text.replace(/^(<{7}|>{7}|={7}).*\n/gm, "").replace(
        /"idx": 4([^}]*)\n {4}\{/,
        '"idx": 4$1\n    },\n    {',
      );
      await project.write(path, both);
    }
    git(project.cwd, "add", "--all");
    git(project.cwd, "commit", "--quiet", "--message=merge");
    const unclear = await project.run(["rebase", "--json"]);
    assert.equal(unclear.code, 2, unclear.stdout);
    const { hint } = unclear.json<{ error: { hint: string } }>().error;
    for (const id of [ours, theirs]) assert.ok(hint.includes(`harbor-db rebase ${id}`), hint);
    const merged = await project.files();
    const other = await project.run(["rebase", theirs.slice(0, 6)]);
    assert.equal(other.code, 0, other.stderr);
    assert.deepEqual((await order(project)).slice(-2), [ours, theirs]);
    assert.equal((await project.run(["check"])).code, 0);

    for (const [path, text] of Object.entries(merged)) await project.write(`drizzle/${path}`, text);
    // What the other branch released keeps its place, and nothing of this one was.
    await project.write("drizzle/BASELINE", `${theirs}\n`);
    const onto = await project.run(["rebase", "--onto", "main"]);
    assert.equal(onto.code, 0, onto.stderr);
    assert.deepEqual((await order(project)).slice(-2), [theirs, ours]);
    assert.equal((await project.run(["check"])).code, 0);
    const nothing = await project.run(["rebase"]);
    assert.deepEqual([nothing.code, nothing.stdout], [0, "nothing to do: the history has no branches\n"]);
  }));

test("a revision that the database has applied is not moved", () =>
  withBranchesApart(async ({ project, ours }) => {
    const before = await project.files();
    git(project.cwd, "merge", "--abort");
    assert.equal((await project.run(["upgrade", "--dir", "drizzle", "--no-backup"])).code, 0);
    for (const [path, text] of Object.entries(before)) await project.write(`drizzle/${path}`, text);
    const result = await project.run(["rebase", ours, "--json"]);
    assert.equal(result.code, 4, result.stdout);
    const { message } = result.json<{ error: { message: string } }>().error;
    assert.match(
      message,
      new RegExp(
        `Cannot move revision "${ours}" \\(Ours\\): the database ".*openharbor\\.db" has applied it`,
      ),
    );
    assert.deepEqual(await project.files(), before);
  }));

test("two changes that exclude each other are named, and nothing is written", () =>
  withBranches({
    ours: (project) => project.edit("name: varchar({ length: 255 })", "name: varchar({ length: 300 })"),
    theirs: (project) => project.edit("name: varchar({ length: 255 })", "name: text()"),
  }, async ({ project }) => {
    const before = await project.files();
    const result = await project.run(["rebase", "--json"]);
    assert.equal(result.code, 2, result.stdout);
    assert.match(
      result.json<{ error: { message: string } }>().error.message,
      /collections\.columns\.name\.type/,
    );
    assert.deepEqual(await project.files(), before);
  }));

test("a script written by hand that does not fit any more is left alone", () =>
  withBranches({ ours: addRating, theirs: addRating }, async ({ project, ours }) => {
    const path = `drizzle/postgresql/${ours}_ours.sql`;
    await project.write(path, (await project.read(path)).replace("ALTER TABLE", "-- by hand\nALTER TABLE"));
    const before = await project.files();
    const result = await project.run(["rebase", ours, "--json"]);
    assert.equal(result.code, 1, result.stdout);
    assert.match(
      result.json<{ error: { message: string } }>().error.message,
      /column files\.rating was added before it/,
    );
    assert.deepEqual(await project.files(), before);
  }));

test("a script written by hand goes along as it is", () =>
  withBranchesApart(async ({ project, ours, theirs }) => {
    const paths = ["sqlite", "postgresql"].map((dialect) => `drizzle/${dialect}/${ours}_ours.sql`);
    for (const path of paths) {
      await project.write(path, (await project.read(path)).replace("ALTER TABLE", "-- by hand\nALTER TABLE"));
    }
    const texts = await Promise.all(paths.map(project.read));
    const result = await project.run(["rebase", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    assert.deepEqual(result.json<{ rewritten: unknown[] }>().rewritten, []);
    assert.deepEqual((await order(project)).slice(-2), [theirs, ours]);
    assert.deepEqual(await Promise.all(paths.map(project.read)), texts);
    assert.equal((await project.run(["upgrade", "--dir", "drizzle", "--no-backup"])).code, 0);
  }));

test("a script written by hand that fails on top of the other branch is not moved", () =>
  withBranches({
    ours: addRating,
    theirs: (project) => project.edit("last_login: timestamp(),", ""),
  }, async ({ project, ours }) => {
    for (const dialect of ["sqlite", "postgresql"]) {
      const path = `drizzle/${dialect}/${ours}_ours.sql`;
      const more = "--> statement-breakpoint\nUPDATE users SET last_login = NULL;\n";
      await project.write(path, `${await project.read(path)}${more}`);
    }
    const before = await project.files();
    const result = await project.run(["rebase", "--json"]);
    assert.equal(result.code, 1, result.stdout);
    const { code, message } = result.json<{ error: { code: string; message: string } }>().error;
    assert.equal(code, "not_proven");
    assert.match(message, /last_login/);
    assert.deepEqual(await project.files(), before);
  }));

test("what was renamed stays renamed in a script that is written anew", () =>
  withUnreleasedProject(async (project) => {
    git(project.cwd, "init", "--quiet", "--initial-branch=main");
    commitAll(project.cwd);
    git(project.cwd, "checkout", "--quiet", "-b", "feature");
    await project.edit("IN ('local', 'r2')", "IN ('local', 'r2', 's3')");
    await project.edit("metadata_json: text()", "metadata: text()");
    const ours = await generate(project, "Ours", "--rename", "files.metadata_json=files.metadata");
    commitAll(project.cwd);
    git(project.cwd, "checkout", "--quiet", "main");
    await addRating(project);
    await generate(project, "Theirs");
    commitAll(project.cwd);
    git(project.cwd, "checkout", "--quiet", "feature");
    git(project.cwd, "merge", "--quiet", "main");
    const result = await project.run(["rebase", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    const script = await project.read(`drizzle/sqlite/${ours}_ours.sql`);
    assert.match(script, /`rating` INTEGER/);
    assert.match(script, /RENAME COLUMN [`"]metadata_json[`"] TO [`"]metadata[`"]/i);
    assert.equal((await project.run(["upgrade", "--dir", "drizzle", "--no-backup"])).code, 0);
  }));

test("rebase refuses a branch that git does not know, and a revision that is not there", () =>
  withUnreleasedProject(async (project) => {
    git(project.cwd, "init", "--quiet");
    const branch = await project.run(["rebase", "--onto", "nowhere"]);
    assert.equal(branch.code, 2);
    assert.match(branch.stderr, /Cannot read the history on "nowhere"/);
    const revision = await project.run(["rebase", "0000"]);
    assert.equal(revision.code, 2);
    assert.match(revision.stderr, /no revision has that id/);
  }));
