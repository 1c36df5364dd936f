/**
 * Makes the changes of `mutants/` in a copy of the checkout, one at a time, runs the tests named beside each and says
 * which lived. Tests that do not pass as they are, a filter that leaves a file without any, or a text that is not found
 * exactly once, make it end with 1: a change that was never tried must not count as seen.
 */
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  postgresVariables,
  type PostgresVersion,
  startPostgres,
} from "../tests/support/servers/postgres_server.ts";
import { projectFile } from "../tests/support/project.ts";
import { mutants } from "./mutants/all.ts";
import { failureIn } from "./mutants/failure.ts";
import { changed, faultOf, type Mutant, titleOf } from "./mutants/mutant.ts";

const usage = `Usage: scripts/mutate [--only PATTERN] [--list]

  --only PATTERN  those whose file or danger matches this regular expression
  --list          print them and change nothing

Exits with 3 when one lived that is not explained.
`;

/** After this long the tests hang, which is to be seen too. */
const limitMs = 5 * 60_000;

/** What lies in a checkout and is no part of it. */
const leftOut = ["node_modules", ".git", "dist", ".cache"];

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return say(usage);
  const wanted = new RegExp(values.only, "i");
  const chosen = mutants.filter(({ file, danger }) => wanted.test(file) || wanted.test(danger));
  if (chosen.length === 0) {
    throw new Error(`Cannot try "${values.only}": no change has it in its file or danger`);
  }
  const faults = (await Promise.all(chosen.map(faultOf))).filter((fault) => fault !== null);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  if (values.list) return say(chosen.map((mutant) => `${titleOf(mutant)}\n`).join(""));
  return await withCopy((copy) => withServers(chosen, (env) => tryAll(chosen, copy, env)));
}

async function tryAll(
  chosen: readonly Mutant[],
  copy: string,
  servers: NodeJS.ProcessEnv,
): Promise<number> {
  const passing = new Set<string>();
  let untried = 0;
  let killed = 0;
  let explained = 0;
  const lived: Mutant[] = [];
  for (const [place, mutant] of chosen.entries()) {
    const at = `${place + 1}/${chosen.length}`;
    const tests = JSON.stringify([mutant.tests, mutant.filter]);
    const look = () => runTests(mutant, copy, servers);
    if (!passing.has(tests)) {
      // On a busy machine a test may run out of time; then it passes the second time.
      const failure = await look() && await look();
      if (failure !== null) {
        untried++;
        say(`${at} ${titleOf(mutant)}\n    NOT TRIED: the tests fail as they are: ${failure}\n`);
        continue;
      }
      passing.add(tests);
    }
    const path = join(copy, "src", mutant.file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, changed(text, mutant));
    const began = performance.now();
    const failure = await look();
    writeFileSync(path, text);
    if (failure !== null) killed++;
    else if (mutant.explained === undefined) lived.push(mutant);
    else explained++;
    const verdict = failure !== null
      ? `killed: ${failure}`
      : `LIVED${mutant.explained ? `: ${mutant.explained}` : ""}`;
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    say(`${at} ${titleOf(mutant)}\n    ${verdict} (${seconds} s)\n`);
  }
  for (const mutant of lived) say(`lived: ${titleOf(mutant)}\n`);
  say(
    `${killed} killed, ${lived.length + explained} lived${
      explained > 0 ? `, ${explained} of them explained` : ""
    }\n`,
  );
  if (untried > 0) say(`${untried} not tried\n`);
  return untried > 0 ? 1 : lived.length > 0 ? 3 : 0;
}

/** Runs a mutant's tests in the copy; returns what failed, `null` when all passed. */
async function runTests(mutant: Mutant, copy: string, servers: NodeJS.ProcessEnv): Promise<string | null> {
  const { tests, filter } = mutant;
  const report = join(copy, "junit.xml");
  rmSync(report, { force: true });
  const args = [
    "test",
    "--allow-all",
    "--no-check",
    "--no-lock",
    "--parallel",
    "--fail-fast",
    `--junit-path=${report}`,
    ...filter === undefined ? [] : [`--filter=/${filter}/`],
    ...tests.map((path) => join(copy, "tests", path)),
  ];
  const child = spawn(process.execPath, args, {
    cwd: copy,
    env: { ...process.env, ...servers, TMPDIR: join(copy, ".."), DENO_JOBS: "2" },
    stdio: "ignore",
    // In a group of its own, so that what the tests started ends with them.
    detached: true,
  });
  const end = () => process.kill(-child.pid!, "SIGKILL");
  stop.signal.addEventListener("abort", end);
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    end();
  }, limitMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  clearTimeout(timer);
  stop.signal.removeEventListener("abort", end);
  if (stop.signal.aborted) throw new Error("Stopped");
  if (hangs) return `the tests hang`;
  return failureIn(readIfWritten(report), code);
}

function readIfWritten(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Runs `work` with a copy of the checkout that nothing links back to, but for the packages. */
async function withCopy<T>(work: (copy: string) => Promise<T>): Promise<T> {
  const root = projectFile(".");
  const folder = mkdtempSync(join(tmpdir(), "harbor_db_mutate_"));
  // Servers and programs that tests run as another user have to get through it.
  chmodSync(folder, 0o711);
  const copy = join(folder, "copy");
  try {
    cpSync(root, copy, {
      recursive: true,
      // Newer files than the packages would have them installed again.
      preserveTimestamps: true,
      filter: (path) => !leftOut.includes(relative(root, path)),
    });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    return await work(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Runs `work` with the addresses of PostgreSQL servers, which are started once and where a mutant needs them. */
async function withServers<T>(
  chosen: readonly Mutant[],
  work: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const versions: readonly PostgresVersion[] = chosen.some(({ postgres }) => postgres) ? [15, 18] : [];
  const starting = versions.map((version) => startPostgres(version));
  try {
    const servers = await Promise.all(starting);
    return await work(postgresVariables(servers));
  } finally {
    for (const server of await Promise.allSettled(starting)) {
      if (server.status === "fulfilled") await server.value.stop();
    }
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}
// A handler for signals would keep the process.
process.exit();
