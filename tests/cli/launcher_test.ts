import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

/** What the stand-in for Deno and for the binary prints: how it was started. */
const showStart = (name: string) => `#!/bin/sh\necho "${name} in $PWD dir $HARBOR_DB_DIR args $*"\nexit 7\n`;

/** Stands in for npm: takes a moment, says that it ran, and leaves what npm ci leaves. */
const npm = `#!/bin/sh
echo "npm $*" >>npm.log
echo "npm's own words"
sleep 0.3
rm -rf node_modules
mkdir -p node_modules/@deno/this-platform
cp deno-stand-in node_modules/@deno/this-platform/deno
touch node_modules/.package-lock.json
`;

interface Checkout {
  readonly root: string;
  /** Another folder, from which it is called. */
  readonly cwd: string;
  run(
    args: readonly string[],
    options?: RunOptions,
  ): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** The calls of npm so far. */
  installs(): Promise<readonly string[]>;
  /** Makes a file that was changed so many seconds ago. */
  touch(path: string, secondsAgo: number): Promise<void>;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What is run; the launcher unless told. */
  readonly file?: string;
  readonly withoutFlock?: boolean;
}

/** Runs `work` with a checkout that has the real launcher, and stand-ins for npm, Deno and the sources. */
async function withCheckout(work: (checkout: Checkout) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const root = join(folder, "check out");
    const cwd = join(folder, "elsewhere");
    const commands = join(folder, "commands");
    for (const path of ["bin", "scripts", "src"]) await mkdir(join(root, path), { recursive: true });
    await mkdir(cwd);
    await mkdir(commands);
    for (const path of ["bin/harbor-db", "scripts/ensure_installed"]) {
      await copyFile(projectFile(path), join(root, path));
    }
    const executables = { [join(commands, "npm")]: npm, [join(root, "deno-stand-in")]: showStart("Deno") };
    for (const [path, text] of Object.entries(executables)) {
      await writeFile(path, text);
      await chmod(path, 0o755);
    }
    for (
      const name of ["sh", "cp", "dirname", "find", "mkdir", "readlink", "rm", "rmdir", "sleep", "touch"]
    ) {
      await symlink(await which(name), join(commands, name));
    }
    const touch = async (path: string, secondsAgo: number) => {
      const time = Date.now() / 1_000 - secondsAgo;
      await writeFile(join(root, path), "", { flag: "a" });
      await utimes(join(root, path), time, time);
    };
    for (const path of ["package-lock.json", "package.json", "schema.ts", "src/main.ts"]) {
      await touch(path, 60);
    }
    await work({
      root,
      cwd,
      touch,
      installs: async () =>
        (await readFile(join(root, "npm.log"), "utf8").catch(() => "")).split("\n").slice(0, -1),
      run: (args, { env = {}, file = join(root, "bin/harbor-db"), withoutFlock = false } = {}) => {
        const PATH = withoutFlock ? commands : `${commands}:${process.env["PATH"]}`;
        return run([file, ...args], { cwd, env: { PATH, ...env } });
      },
    });
  });
}

function run(
  [file = "", ...args]: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (text) => output.stdout += text);
    child.stderr.on("data", (text) => output.stderr += text);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...output }));
  });
}

async function which(name: string): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    const path = join(folder, name);
    if (await stat(path).then((found) => found.isFile(), () => false)) return path;
  }
  throw new Error(`Cannot find "${name}" on the PATH`);
}

const startedDeno = ({ root, cwd }: Checkout, args: string) =>
  `Deno in ${cwd} dir ${root}/drizzle args run --quiet --allow-all --no-lock --config ${root}/deno.json ` +
  `${root}/src/main.ts${args}\n`;

test("bin/harbor-db installs once, then runs the sources on Deno with the caller's folder, arguments and exit code", () =>
  withCheckout(async (checkout) => {
    const first = await checkout.run(["upgrade", "--json"]);
    assert.equal(first.stdout, startedDeno(checkout, " upgrade --json"));
    assert.equal(first.code, 7);
    assert.match(first.stderr, /installing its packages[\s\S]*npm's own words/);
    const second = await checkout.run([]);
    assert.deepEqual(second, { code: 7, stdout: startedDeno(checkout, ""), stderr: "" });
    const [install, ...others] = await checkout.installs();
    assert.match(install ?? "", /^npm ci .*--ignore-scripts/);
    assert.deepEqual(others, []);
  }));

for (const withoutFlock of [false, true]) {
  test(`bin/harbor-db installs once when two start at once${withoutFlock ? ", without flock too" : ""}`, () =>
    withCheckout(async (checkout) => {
      const both = await Promise.all([1, 2].map(() => checkout.run([], { withoutFlock })));
      assert.deepEqual(both.map(({ stdout }) => stdout), [1, 2].map(() => startedDeno(checkout, "")));
      assert.equal((await checkout.installs()).length, 1);
    }));
}

test("bin/harbor-db installs again when package-lock.json changed", () =>
  withCheckout(async (checkout) => {
    await checkout.run([]);
    await checkout.touch("package-lock.json", -60);
    await checkout.run([]);
    assert.equal((await checkout.installs()).length, 2);
  }));

test("bin/harbor-db says so when npm fails, and prints nothing to stdout", () =>
  withCheckout(async (checkout) => {
    await writeFile(join(checkout.root, "../commands/npm"), "#!/bin/sh\necho no network\nexit 1\n");
    const { code, stdout, stderr } = await checkout.run(["status"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /no network\nCannot install harbor-db's packages: npm ci failed/);
  }));

test("bin/harbor-db runs the built binary, without installing, until a source is newer", () =>
  withCheckout(async (checkout) => {
    const binary = join(checkout.root, "dist/harbor-db");
    await mkdir(join(checkout.root, "dist"));
    await writeFile(binary, showStart("binary"));
    await chmod(binary, 0o755);
    const { code, stdout } = await checkout.run(["status"]);
    assert.deepEqual([code, stdout], [
      7,
      `binary in ${checkout.cwd} dir ${checkout.root}/drizzle args status\n`,
    ]);
    assert.deepEqual(await checkout.installs(), []);
    await checkout.touch("src/main.ts", -60);
    assert.equal((await checkout.run([])).stdout, startedDeno(checkout, ""));
  }));

test("bin/harbor-db finds its checkout through links, relative and absolute", () =>
  withCheckout(async (checkout) => {
    await symlink("../check out/bin/harbor-db", join(checkout.cwd, "relative"));
    await symlink(join(checkout.cwd, "relative"), join(checkout.cwd, "absolute"));
    const { stdout } = await checkout.run([], { file: join(checkout.cwd, "absolute") });
    assert.equal(stdout, startedDeno(checkout, ""));
  }));

test("bin/harbor-db leaves HARBOR_DB_DIR as it is set", () =>
  withCheckout(async (checkout) => {
    const { stdout } = await checkout.run([], { env: { HARBOR_DB_DIR: "/other" } });
    assert.match(stdout, / dir \/other args /);
  }));
