import assert from "node:assert/strict";
import { existsSync, realpathSync } from "node:fs";
import { chown, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { withOwner } from "../support/other_user.ts";
import { runCli, type RunOptions } from "../support/run_cli.ts";
import { withSchemaProject } from "../support/samples/schema_project.ts";

/** Runs harbor-db and fails unless it ends with that exit code. */
async function expect(code: number, args: readonly string[], options: RunOptions) {
  const result = await runCli(args, options);
  assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

test("a new database is made in instance/ where that folder exists, and upgrade says so", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "instance"));
    const { stdout, stderr } = await expect(0, ["upgrade"], { cwd });
    assert.match(stdout, /^database +sqlite:\/\/\/instance\/openharbor\.db \(does not exist yet\)$/m);
    assert.match(stdout, /^made +sqlite:\/\/\/instance\/openharbor\.db$/m);
    assert.match(stderr, /using instance\/openharbor\.db/);
    assert.deepEqual(await readdir(cwd), ["instance"]);
    await expect(0, ["backup"], { cwd });
    assert.deepEqual((await readdir(join(cwd, "instance"))).sort(), ["backups", "openharbor.db"]);
    const again = await expect(0, ["upgrade"], { cwd });
    assert.match(again.stdout, /^database +sqlite:\/\/\/instance\/openharbor\.db$/m);
    assert.doesNotMatch(again.stdout, /^made/m);
    assert.match((await expect(0, ["upgrade", "--json"], { cwd })).stdout, /"isNew": ?false/);
    // A copy to look at goes the same way as what looks at it.
    const { backup } = (await expect(0, ["backup", "--json"], { cwd })).json<{ backup: { path: string } }>();
    await expect(0, ["restore", backup.path, "--to", "sqlite:///look.db"], { cwd });
    await expect(0, ["current", "--database-url", "sqlite:///look.db"], { cwd });
    assert.deepEqual(await readdir(cwd), ["instance"]);
  }));

test("a path that leads into instance/ by itself is taken as it is", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "instance"));
    await expect(0, ["upgrade", "--database-url", "sqlite:///instance/other.db"], { cwd });
    assert.deepEqual(await readdir(join(cwd, "instance")), ["other.db"]);
  }));

test("where the file is in the folder and in instance/, every command asks which, and the hint is the way", () =>
  withFolder(async (cwd) => {
    await expect(0, ["upgrade"], { cwd });
    const { backup } = (await expect(0, ["backup", "--json"], { cwd })).json<{ backup: { path: string } }>();
    await mkdir(join(cwd, "instance"));
    await expect(
      0,
      ["upgrade", "71dda59686db", "--database-url", `sqlite:///${cwd}/instance/openharbor.db`],
      {
        cwd,
      },
    );
    for (
      const args of [["upgrade"], ["status"], ["verify"], ["backup"], ["stamp", "head", "--yes"], [
        "restore",
        backup.path,
        "--yes",
      ], ["schedule"]]
    ) {
      const { stderr } = await expect(2, args, { cwd });
      assert.ok(
        stderr.includes(`"${cwd}/openharbor.db" and "${cwd}/instance/openharbor.db" both exist`),
        stderr,
      );
    }
    const { stderr } = await expect(2, ["current"], { cwd });
    const hints = [...stderr.matchAll(/--database-url (\S+)/g)].map(([, url]) => url!);
    const found = await Promise.all(
      hints.map(async (url) =>
        (await expect(0, ["current", "--database-url", url], { cwd })).stdout.split(" ")[0]
      ),
    );
    assert.deepEqual(found.map((each) => each!.trim()), ["71dda59686db", "7b1f73160408"]);
    // One file by two names is one.
    await rm(join(cwd, "instance"), { recursive: true });
    await symlink(cwd, join(cwd, "instance"));
    await expect(0, ["current"], { cwd });
  }));

test("in a project every command takes the project's history, also from a folder in it", () =>
  withSchemaProject(async ({ cwd, edit, run }) => {
    const built = await withFolder((empty) => expect(0, ["status", "--json"], { cwd: empty }));
    const { head } = built.json<{ head: string }>();
    assert.equal(built.json<{ history: { dir: unknown } }>().history.dir, null);
    await edit("last_login: ", "theme: text(),\n  last_login: ");
    const made = await run(["generate", "Add a theme", "--json"]);
    assert.equal(made.code, 0, made.stderr);
    const { revision } = made.json<{ revision: { revision: string } }>().revision;
    assert.notEqual(revision, head);

    const dir = join(realpathSync(cwd), "drizzle");
    const upgraded = await expect(0, ["upgrade"], { cwd });
    assert.ok(upgraded.stdout.includes(`history    ${dir}\n`), upgraded.stdout);
    assert.match(upgraded.stdout, new RegExp(`the database is at ${revision}`));
    const status = (await expect(0, ["status", "--json"], { cwd }))
      .json<{ head: string; history: { dir: string } }>();
    assert.deepEqual([status.head, status.history.dir], [revision, dir]);
    await expect(0, ["verify", "--skip", "backup"], { cwd });
    await expect(0, ["check"], { cwd });
    const { stdout } = await expect(0, ["schedule"], { cwd });
    assert.ok(stdout.includes(`--dir ${dir}`), stdout);

    const inside = join(cwd, "src", "deep");
    await mkdir(inside, { recursive: true });
    assert.match((await expect(0, ["status"], { cwd: inside })).stdout, new RegExp(`history +${dir}`));
    await expect(0, ["generate", "--check"], { cwd: inside });
    // Outside of it the database is ahead of what is built in.
    const env = { DATABASE_URL: `sqlite:///${cwd}/openharbor.db` };
    await withFolder((empty) => expect(4, ["upgrade"], { cwd: empty, env }));
  }));

for (
  const [name, text] of [
    ["schema.ts", ""],
    ["drizzle.config.ts", ""],
    ["drizzle.config.json", ""],
    // Its config may lie deeper, as where drizzle-kit is told of it.
    ["package.json", '{ "devDependencies": { "drizzle-kit": "^0.31.0" } }'],
  ] as const
) {
  test(`a folder with ${name} and no history gets no other one's`, () =>
    withFolder(async (cwd) => {
      await writeFile(join(cwd, name), text);
      for (const command of ["upgrade", "status", "adopt"]) {
        const { stderr } = await expect(2, [command], { cwd });
        assert.match(stderr, /there is no such folder, and the one around it is a project/);
        assert.match(stderr, /--dir/);
      }
      assert.ok(!existsSync(join(cwd, "openharbor.db")));
    }));
}

test("a drizzle/ alone makes no project, and no package.json without Drizzle", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "drizzle"));
    await writeFile(join(cwd, "package.json"), '{ "dependencies": { "hono": "^4.0.0" } }');
    assert.match((await expect(0, ["status"], { cwd })).stdout, /^history +built in$/m);
  }));

test("another user's project is not run with root's rights unless it is named", () =>
  withOwner(async ({ folder, as }) => {
    const project = join(folder, "project");
    await withSchemaProject(async ({ cwd }) => {
      const { cp } = await import("node:fs/promises");
      await cp(cwd, project, { recursive: true });
    });
    await chown(join(project, "drizzle"), as.uid, as.gid);
    const { stderr } = await expect(4, ["upgrade"], { cwd: project });
    assert.match(stderr, /another user's, whose scripts would run with your rights/);
    const dir = /--dir (\S+)/.exec(stderr)![1]!;
    await expect(0, ["upgrade", "--dir", dir], { cwd: project });
    // Nor does its schema.ts run, or one of this user's that another's config leads to.
    assert.match((await expect(4, ["check"], { cwd: project })).stderr, /scripts would run with your rights/);
    await expect(0, ["check", "--dir", dir], { cwd: project });
    await chown(join(project, "drizzle"), 0, 0);
    await expect(0, ["check"], { cwd: project });
    const config = join(project, "drizzle.config.json");
    const marked = join(project, "ran");
    const text = await readFile(join(project, "schema.ts"), "utf8");
    await writeFile(
      join(project, "schema.ts"),
      `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(marked)}, "");\n${text}`,
    );
    await writeFile(config, `{ "schema": "schema.ts" }`);
    for (const path of [config, join(project, "schema.ts"), project]) {
      await chown(path, as.uid, as.gid);
      for (const args of [["check"], ["generate", "More"]]) {
        const { stderr } = await expect(4, args, { cwd: project });
        assert.match(stderr, /another user's, whose (code|scripts) would run with your rights/);
      }
      await chown(path, 0, 0);
    }
    assert.ok(!existsSync(marked));
    await chown(config, as.uid, as.gid);
    await runCli(["check", "--schema", "schema.ts"], { cwd: project });
    assert.ok(existsSync(marked));
  }));
