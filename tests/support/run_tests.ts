/**
 * What `npm test` runs: starts the PostgreSQL servers once for the whole run where a test needs them, runs the tests,
 * stops the servers.
 *
 * Arguments go to `deno test`: rooms, folders, files, `--filter=name`. With `--bundle` the tests that meet a server run on
 * what ships: bundled as the binary is, on Bun; other arguments then go to `bun test`. With `--again` up to twelve files whose
 * tests failed run a second time, by themselves on a machine that is quiet by then, and what only failed the first time
 * is said as `flaky`; a run that a signal ended, or that is ended since a server of it hung, is begun again once, since no report
 * tells what failed. The last line that it prints is `N passed, N failed`; a skipped test counts as failed.
 */
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { freemem, release, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import {
  type PostgresServer,
  postgresVariables,
  startPostgres,
  versions,
  whyNoAnswer,
} from "./servers/postgres_server.ts";
import { installedBun } from "../../scripts/build_binary.ts";
import { bundleTests } from "./bundle_tests.ts";
import { chosenPaths, reach } from "./chosen_tests.ts";
import { placeInMemory } from "./place_in_memory.ts";
import { projectFile } from "./project.ts";
import { bundleVariable, largePages, secondCompiler } from "./script_command.ts";

/** After this long a test hangs, on the slowest machine too, and the run is ended with a failure. */
const limitMs = 60 * 60_000;

/**
 * The files that take longest, longest first, and those that take long and would be begun last by their names: begun at the end, one of
 * them would run on with all others done.
 */
const longest = [
  "author/every_change",
  "author/generate_words",
  "cli/generate",
  "cli/rebase",
  "engines/postgres/backup",
  "cli/backup",
  "cli/host",
  "fault/backup_kill",
  "cli/main_job",
  "fault/postgres_owner",
  "cli/rebase_marks",
  "cli/rehearse",
  "verify/data",
  "verify/integrity",
  "verify/backup",
  "verify/schema",
  "verify/page",
].map((name) => projectFile(`tests/${name}_test.ts`));

/** Sixteen MiB for what is new in a thread from the start: what collects garbage meets a tenth of the processor time less often. */
const youngSpace = "--v8-flags=--min-semi-space-size=16";

/** The exit code that stands for an end by a signal, which no program of the tests ends with. */
const byASignal = 128;

/** More files than this fail of one cause, and that is no accident of the machine. */
const mostAgain = 12;

async function main(stop: AbortSignal): Promise<number> {
  const directory = await mkdtemp(join(await placeOfRun(), "harbor_db_run_"));
  // Servers that tests start run as another user, who has to get through it.
  await chmod(directory, 0o711);
  const again = process.argv.includes("--again");
  const given = process.argv.slice(2).filter((argument) => argument !== "--again");
  const needsServers = given.includes("--bundle") ||
    reach(chosenPaths(given), "tests/support/servers/postgres_server.ts");
  try {
    const report = join(directory, "junit.xml");
    // With servers of its own: a second run is of no worth on one that has come to harm in the first.
    const runOnce = (args: readonly string[]): Promise<Outcome> =>
      withServers(needsServers, async (servers) => {
        const isBundle = args.includes("--bundle");
        const output: string[] = [];
        // What a test leaves behind when it is interrupted goes with the folder.
        const env = { ...environment(), ...postgresVariables(servers), TMPDIR: directory };
        const hung = new AbortController();
        let isOver = false;
        const watch = setInterval(async () => {
          for (const server of servers) {
            const why = await whyNoAnswer(server);
            if (why === null || hung.signal.aborted || isOver) continue;
            process.stderr.write(`${why}\n`);
            hung.abort();
          }
        }, 30_000);
        const options = { env, stop, hung: hung.signal, heard: (text: string) => output.push(text) };
        const code = isBundle
          ? await runBundle(args.filter((argument) => argument !== "--bundle"), { report, ...options })
          : await run(process.execPath, denoArguments(args, report), options);
        isOver = true;
        clearInterval(watch);
        const cases = await readCases(report);
        return { code, cases, suspects: isBundle ? filesOfFailed(cases) : filesSaidToFail(output.join("")) };
      });
    let first = await runOnce(given);
    if (again && first.code === byASignal) {
      process.stdout.write("flaky: the run itself, which is begun again\n");
      first = await runOnce(given);
    }
    let { code, cases } = first;
    const failedFirst = cases.filter((each) => each.failed);
    if (
      again && code === 1 && failedFirst.length > 0 && first.suspects.length > 0 &&
      first.suspects.length <= mostAgain
    ) {
      const options = given.filter((argument) => argument.startsWith("-"));
      const second = await runOnce([...options, ...first.suspects]);
      code = second.code;
      const isSame = (one: TestCase) => (other: TestCase) =>
        one.file === other.file && one.name === other.name;
      for (const each of failedFirst) {
        const passed = second.cases.some((other) => isSame(each)(other) && !other.failed);
        process.stdout.write(`${passed ? "flaky" : "failed twice"}: ${each.file}: ${each.name}\n`);
      }
      cases = [...cases.filter((each) => !second.cases.some(isSame(each))), ...second.cases];
    }
    const counted = cases.filter((each) => each.failed).length;
    const failed = code === 0 ? counted : Math.max(counted, 1);
    process.stdout.write(`${cases.length - counted} passed, ${failed} failed\n`);
    return code === 0 && failed > 0 ? 1 : code;
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Returns where the folders of tests are: in memory where there is enough, since what is thrown away need not reach a disk. */
async function placeOfRun(): Promise<string> {
  // Before Linux 6.6 nobody's own attributes are kept there, which a restore keeps.
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const isRecent = major > 6 || (major === 6 && minor >= 6);
  const isFree = freemem() > 6 * 2 ** 30;
  return (isRecent && isFree ? await placeInMemory(8) : null) ?? tmpdir();
}

/** Runs `work` with the servers that all tests share, where it needs them, and stops them afterwards. */
async function withServers<T>(
  areNeeded: boolean,
  work: (servers: readonly PostgresServer[]) => Promise<T>,
): Promise<T> {
  const starting = areNeeded ? versions.map((version) => startPostgres(version)) : [];
  try {
    return await work(await Promise.all(starting));
  } finally {
    for (const server of await Promise.allSettled(starting)) {
      if (server.status === "fulfilled") await server.value.stop();
    }
  }
}

function denoArguments(given: readonly string[], report: string): readonly string[] {
  const options = given.filter((argument) => argument.startsWith("-"));
  // Types are what `npm run check` is for.
  const always = ["--allow-all", "--no-check", "--parallel", `--junit-path=${report}`, youngSpace];
  const preload = `--preload=${projectFile("tests/support/whole_file.ts")}`;
  const paths = chosenPaths(given);
  // Deno runs files in the order in which they are named, and each of them once.
  const isWhole = paths.length === 1 && paths[0] === projectFile("tests");
  return ["test", ...always, preload, ...options, ...isWhole ? longest : [], ...paths];
}

/** Bundles the tests and runs them: all, or those whose paths begin with one of the given. */
async function runBundle(
  given: readonly string[],
  { report, env, stop, hung }: RunOptions & { readonly report: string },
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
      // Bun fails a file by itself that throws behind its first test.
      "--parallel=4",
      // Bun's own five seconds are for tests without servers.
      "--timeout=120000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...given.filter((argument) => argument.startsWith("-")),
      ...paths.length === 0 ? all : paths.flatMap(filesOf),
    ];
    return await run(installedBun(projectFile(".")), args, {
      env: { ...env, [bundleVariable]: folder, [secondCompiler]: "1" },
      stop,
      hung,
      cwd: folder,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
/** Variables of the tests' own: the program to test, and whether to write golden files anew. */
const ownVariables = ["HARBOR_DB_BIN", "HARBOR_DB_UPDATE_GOLDEN", "HARBOR_DB_EVERY_CHANGE"];

/** The environment without what would send harbor-db or a PostgreSQL client somewhere else. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) =>
    ownVariables.includes(name) || !/^(DATABASE_URL$|HARBOR_DB_|PG[A-Z]+$)/.test(name)
  );
  // Three a core of a small machine: more than half of the time a test waits for servers, programs, disks and locks.
  return { ...Object.fromEntries(kept), DENO_JOBS: "6", [largePages]: "1", [secondCompiler]: "0" };
}

interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stop: AbortSignal;
  /** Says that a server answers nobody any more, with which each test that is left would fail after a while. */
  readonly hung: AbortSignal;
  readonly cwd?: string;
  /** Called with what the run prints, which is passed on, too. */
  readonly heard?: (text: string) => void;
}

function run(
  program: string,
  args: readonly string[],
  { env, stop, hung, cwd, heard }: RunOptions,
): Promise<number> {
  if (stop.aborted) return Promise.resolve(130);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { env, cwd, stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      process.stdout.write(text);
      heard?.(text);
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      process.stderr.write(`Cannot finish the tests: still running after ${limitMs / 60_000} minutes\n`);
      child.kill("SIGKILL");
    }, limitMs);
    stop.addEventListener("abort", () => child.kill("SIGINT"));
    hung.addEventListener("abort", () => child.kill("SIGKILL"));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (signal !== null && !stop.aborted) process.stderr.write(`The tests were ended by ${signal}\n`);
      // What took that long once is not begun again.
      resolve(stop.aborted ? 130 : isLate ? 1 : code ?? byASignal);
    });
  });
}

interface Outcome {
  readonly code: number;
  readonly cases: readonly TestCase[];
  /** The files with tests that failed. */
  readonly suspects: readonly string[];
}

interface TestCase {
  readonly file: string;
  readonly name: string;
  readonly failed: boolean;
}

function filesOfFailed(cases: readonly TestCase[]): readonly string[] {
  return [...new Set(cases.filter((each) => each.failed).map((each) => each.file))];
}

/**
 * Reads from what Deno prints which files had a test that failed, or ended early: its report names the file in which `test()`
 * is called, and nothing of the latter.
 */
function filesSaidToFail(output: string): readonly string[] {
  const lines = stripVTControlCharacters(output).matchAll(
    /^(?:(\S+_test\.ts) => .*\.\.\.|Uncaught error from (\S+_test\.ts)) FAILED\b/gm,
  );
  return [...new Set([...lines].map((match) => (match[1] ?? match[2])!))];
}

/** Reads the test cases of a JUnit report, which steps are in too; a skipped one counts as failed. */
async function readCases(report: string): Promise<readonly TestCase[]> {
  const text = await readFile(report, "utf8").catch(() => "");
  return text.split(/<testcase\b/).slice(1).map((body) => ({
    // Bun names the file in the one and leaves the other empty, Deno has the other alone.
    file: (/\bfile="([^"]+)"/.exec(body) ?? /\bclassname="([^"]+)"/.exec(body))?.[1] ?? "",
    name: /\bname="([^"]*)"/.exec(body)?.[1] ?? "",
    failed: /<(failure|error|skipped)\b/.test(body),
  }));
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
