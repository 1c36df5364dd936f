import type { System } from "../../src/cli/system.ts";
import { runProgram } from "../../src/commands/program.ts";
import { testClient } from "./databases.ts";
import { projectFile } from "./project.ts";

/** The world around a command line that is run in this process. */
export interface World {
  /** How many places the terminal has; none in a pipe. */
  readonly columns?: number | undefined;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly dotEnv?: Readonly<Record<string, string>>;
  /** What is typed when something is asked; without it there is no terminal. */
  readonly answer?: string;
}

/** What a command line did in this process. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, which is much quicker than another one. Asked questions are in `stderr`. */
export async function runInProcess(
  args: readonly string[],
  { columns, cwd = "/", environment = {}, dotEnv = {}, answer }: World = {},
): Promise<ProgramResult> {
  const output = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") => ({
    isTerminal: false,
    columns,
    write: (text: string) => {
      output[name] += text;
    },
  });
  const system: System = {
    build: { version: "1.2.3", commit: "abc", history: null },
    runtime: "Test 1",
    cwd,
    program: ["harbor-db"],
    homeFolder: () => undefined,
    userName: () => undefined,
    environment: { ...dotEnv, ...environment },
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
    signal: new AbortController().signal,
    client: testClient,
    commandHost: { cwd, environment: {}, signalGroup: () => {} },
  };
  return { code: await runProgram(system, args), ...output };
}
