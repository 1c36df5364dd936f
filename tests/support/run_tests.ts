/**
 * What `npm test` runs: starts the PostgreSQL servers once for the whole run where a test needs them, runs the tests,
 * stops the servers.
 *
 * Arguments go to `deno test`: rooms, folders, files, `--filter=name`. With `--bundle` the tests that meet a server run on
 * what ships: bundled as the binary is, on Bun; other arguments then go to `bun test`. The last line that it prints is
 * `N passed, N failed`; a skipped test counts as failed.
 */
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { postgresVariable, type PostgresVersion, startPostgres } from "./servers/postgres_server.ts";
import { installedBun } from "../../scripts/build_binary.ts";
import { bundleTests } from "./bundle_tests.ts";
import { chosenPaths, reach } from "./chosen_tests.ts";
import { projectFile } from "./project.ts";
import { bundleVariable } from "./script_command.ts";

/** After this long a test hangs, and the run is ended with a failure. */
const limitMs = 20 * 60_000;

const versions: readonly PostgresVersion[] = [15, 18];

async function main(stop: AbortSignal): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "harbor_db_run_"));
  // Servers that tests start run as another user, who has to get through it.
  await chmod(directory, 0o711);
  const given = process.argv.slice(2);
  const needsServers = given.includes("--bundle") ||
    reach(chosenPaths(given), "tests/support/servers/postgres_server.ts");
  const starting = needsServers ? versions.map((version) => startPostgres(version)) : [];
  try {
    const servers = await Promise.all(starting);
    const addresses = servers.map((server) => [postgresVariable(server.version), server.adminUrl]);
    const report = join(directory, "junit.xml");
    // What a test leaves behind when it is interrupted goes with the folder.
    const env = { ...environment(), ...Object.fromEntries(addresses), TMPDIR: directory };
    const code = given.includes("--bundle")
      ? await runBundle(given.filter((argument) => argument !== "--bundle"), { report, env, stop })
      : await run(process.execPath, denoArguments(given, report), { env, stop });
    const counts = countTests(await readFile(report, "utf8").catch(() => ""));
    const failed = code === 0 ? counts.failed : Math.max(counts.failed, 1);
    process.stdout.write(`${counts.passed} passed, ${failed} failed\n`);
    return code === 0 && failed > 0 ? 1 : code;
  } finally {
    for (const server of await Promise.allSettled(starting)) {
      if (server.status === "fulfilled") await server.value.stop();
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

function denoArguments(given: readonly string[], report: string): readonly string[] {
  const options = given.filter((argument) => argument.startsWith("-"));
  // Types are what `npm run check` is for.
  const always = ["--allow-all", "--no-check", "--parallel", `--junit-path=${report}`];
  return ["test", ...always, ...options, ...chosenPaths(given)];
}

/** Bundles the tests and runs them: all, or those whose paths begin with one of the given. */
async function runBundle(
  given: readonly string[],
  { report, env, stop }: RunOptions & { readonly report: string },
): Promise<number> {
  // Inside the checkout, where the packages are found that no bundle holds.
  const cache = projectFile(".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "tests-"));
  try {
    const paths = given.filter((argument) => !argument.startsWith("-"));
    const all = await bundleTests(folder);
    const filesOf = (path: string) => {
      const files = all.filter((file) => file.startsWith(`./${path.replace(/\.ts$/, "")}`));
      if (files.length === 0) throw new Error(`Cannot run "${path}": no test of the bundle has this path`);
      return files;
    };
    const args = [
      "test",
      "--parallel=2",
      // Bun's own five seconds are for tests without servers.
      "--timeout=120000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...given.filter((argument) => argument.startsWith("-")),
      ...paths.length === 0 ? all : paths.flatMap(filesOf),
    ];
    return await run(installedBun(projectFile(".")), args, {
      env: { ...env, [bundleVariable]: folder },
      stop,
      cwd: folder,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
/** Variables of the tests' own: the program to test, and whether to write golden files anew. */
const ownVariables = ["HARBOR_DB_BIN", "HARBOR_DB_UPDATE_GOLDEN"];

/** The environment without what would send harbor-db or a PostgreSQL client somewhere else. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) =>
    ownVariables.includes(name) || !/^(DATABASE_URL$|HARBOR_DB_|PG[A-Z]+$)/.test(name)
  );
  return { ...Object.fromEntries(kept), DENO_JOBS: "2" };
}

interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stop: AbortSignal;
  readonly cwd?: string;
}

function run(
  program: string,
  args: readonly string[],
  { env, stop, cwd }: RunOptions,
): Promise<number> {
  if (stop.aborted) return Promise.resolve(130);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { env, cwd, stdio: ["ignore", "inherit", "inherit"] });
    const timer = setTimeout(() => {
      process.stderr.write(`Cannot finish the tests: still running after ${limitMs / 60_000} minutes\n`);
      child.kill("SIGKILL");
    }, limitMs);
    stop.addEventListener("abort", () => child.kill("SIGINT"));
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      resolve(stop.aborted ? 130 : code ?? 1);
    });
  });
}

/** Counts the test cases of a JUnit report, which steps are in too. */
function countTests(report: string): { readonly passed: number; readonly failed: number } {
  const cases = report.split(/<testcase\b/).slice(1);
  const failed = cases.filter((text) => /<(failure|error|skipped)\b/.test(text)).length;
  return { passed: cases.length - failed, failed };
}

const stop = new AbortController();
// From the start, so that servers which are just being started are stopped too.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

try {
  process.exitCode = await main(stop.signal);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.stdout.write("0 passed, 1 failed\n");
  process.exitCode = stop.signal.aborted ? 130 : 1;
}
// A handler for signals would keep the process.
process.exit();
