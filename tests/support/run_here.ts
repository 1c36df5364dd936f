import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { System } from "../../src/cli/system.ts";
import { runProgram } from "../../src/commands/program.ts";
import { withFolder } from "./databases.ts";
import { projectFile } from "./project.ts";
import { initial } from "./samples/application.ts";

/** What a command line that ran in this process came to. */
export interface HereResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Parses stdout, which must be one JSON document. */
  json<T = Record<string, unknown>>(): T;
}

/** How {@link runHere} runs it. */
export interface HereOptions {
  /** The root unless told. */
  readonly cwd?: string;
  /** What harbor-db is started with, and nothing else of ours; commands of the operator's get a PATH beside it. */
  readonly env?: Readonly<Record<string, string>>;
  /** The variables of a `.env` file. */
  readonly dotEnv?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** How many places the terminal has; none in a pipe. */
  readonly columns?: number | undefined;
  /** What is typed when something is asked, which is then in `stderr`; without it there is no terminal. */
  readonly answer?: string;
}

/** Runs a command line in this process, which takes a tenth of the time of a process of its own. */
export async function runHere(
  args: readonly string[],
  { cwd = "/", env = {}, dotEnv = {}, signal = new AbortController().signal, columns, answer }: HereOptions =
    {},
): Promise<HereResult> {
  const output = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") => ({
    isTerminal: false,
    columns,
    write: (text: string) => {
      output[name] += text;
    },
  });
  const system: System = {
    build: { version: "0.1.0", commit: "abc", history: null },
    runtime: "test",
    cwd,
    program: ["harbor-db"],
    homeFolder: () => cwd,
    userName: () => undefined,
    environment: { ...dotEnv, ...env },
    secretFiles: {},
    settingsFile: null,
    envFile: { values: dotEnv, remarks: [], problem: null },
    defaultDir: projectFile("drizzle"),
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    isInteractive: answer !== undefined,
    ask: (question) => {
      output.stderr += question;
      return answer === undefined ? Promise.reject(new Error("asked")) : Promise.resolve(answer);
    },
    signal,
    schemaHost: {
      run: (_, work) => Promise.resolve(work()),
      end: () => {
        throw new Error("it ended the program");
      },
    },
    client: { name: "test", host: hostname(), pid: process.pid, processSpace: null, isAlive },
    commandHost: {
      cwd,
      environment: { PATH: process.env["PATH"], ...env },
      signalGroup: (pid, name) => {
        try {
          return process.kill(-pid, name);
        } catch {
          // It ended a moment ago.
          return false;
        }
      },
    },
  };
  const code = await runProgram(system, args);
  return { code, ...output, json: () => JSON.parse(output.stdout) };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A SQLite database at the first revision, made once. */
let first: Promise<Uint8Array> | undefined;

/** Runs `work` in a new folder with `openharbor.db` in it, at the first revision. */
export async function withFirstRevision(work: (cwd: string) => Promise<void>): Promise<void> {
  first ??= withFolder(async (cwd) => {
    const { code, stderr } = await runHere(["upgrade", initial], { cwd });
    assert.equal(code, 0, stderr);
    return await readFile(join(cwd, "openharbor.db"));
  });
  const bytes = await first;
  await withFolder(async (cwd) => {
    await writeFile(join(cwd, "openharbor.db"), bytes);
    await work(cwd);
  });
}
