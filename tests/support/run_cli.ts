import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { withFolder } from "./databases.ts";
import type { OtherUser } from "./other_user.ts";
import { largePages, scriptCommand, secondCompiler } from "./script_command.ts";

/** How {@link startCli} and {@link runCli} run the program. */
export interface RunOptions {
  /** Added to an environment that has nothing of harbor-db's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Defaults to a new, empty folder. */
  readonly cwd?: string;
  /** What it can read; nothing unless told, and on a terminal then nothing is typed. */
  readonly stdin?: string;
  /** How wide the terminal is; 100 columns unless told. */
  readonly columns?: number;
  /**
   * Runs it on a terminal. What it prints to stdout and stderr then comes together, in `stdout`, with
   * what was typed in between.
   */
  readonly tty?: boolean;
  /** A command, such as strace, that runs the program. */
  readonly under?: readonly string[];
  /** Milliseconds after which it is killed; 120,000 unless told. */
  readonly limitMs?: number;
  /** The user that it runs as; root may choose. */
  readonly as?: OtherUser;
}

/** What a terminal showed for a while and shows no more. */
// deno-lint-ignore no-control-regex
export const overwritten = /[^\n]*\r?\x1b\[J/g;

/** What the program did. */
export interface RunResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Parses stdout, which must be one JSON document and nothing else. */
  json<T = Record<string, unknown>>(): T;
}

/** The program while it runs. */
export interface RunningCli {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Types at its terminal: also keys that are signals there. */
  type(keys: string): void;
  /** Resolves when stdout and stderr together match; rejects when it ends before that. */
  until(pattern: RegExp): Promise<void>;
  readonly result: Promise<RunResult>;
}

/** Runs harbor-db to its end: the built binary that `HARBOR_DB_BIN` names, else what is tested. */
export async function runCli(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  if (options.cwd !== undefined) return await startCli(args, { ...options, cwd: options.cwd }).result;
  return await withFolder((cwd) => startCli(args, { ...options, cwd }).result);
}

/** Starts harbor-db, for tests that do something to it while it runs. */
export function startCli(
  args: readonly string[],
  options: RunOptions & { readonly cwd: string },
): RunningCli {
  const command = [...options.under ?? [], ...cliCommand(args)];
  const [file = "", ...rest] = options.tty ? onTerminal(command, options.columns ?? 100) : command;
  const { as } = options;
  const home = as === undefined ? {} : { HOME: as.home, DENO_DIR: join(as.home, "deno") };
  const child = spawn(file, rest, {
    cwd: options.cwd,
    env: { ...baseEnvironment(), ...home, ...options.env },
    ...as === undefined ? {} : { uid: as.uid, gid: as.gid },
  });
  const output = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  // The program may end without having read what it was given.
  child.stdin.on("error", () => {});
  if (options.stdin !== undefined) child.stdin.write(options.stdin);
  if (!options.tty) child.stdin.end();

  const timer = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? 120_000);
  const result = new Promise<RunResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      const stdout = options.tty ? output.stdout.replaceAll("\r\n", "\n") : output.stdout;
      resolve({ code, stdout, stderr: output.stderr, json: () => parse(stdout, output.stderr) });
    });
  });
  return {
    pid: child.pid ?? 0,
    // Deno's own child.kill() would report the signal even when the program caught it and exited with a code.
    kill: (signal) => {
      try {
        if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, signal);
      } catch (error) {
        // It ended a moment ago, and this process has not heard of it yet.
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    },
    type: (keys) => {
      child.stdin.write(keys);
    },
    result,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output.stdout + output.stderr)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        result.then(
          ({ stdout, stderr }) =>
            reject(new Error(`It ended without printing ${pattern}:\n${stdout}${stderr}`)),
          reject,
        );
        look();
      }),
  };
}

/** The command line of harbor-db, for tests that start it in a way of their own. */
export function cliCommand(args: readonly string[]): readonly string[] {
  return [...program(), ...args];
}

function program(): readonly string[] {
  const binary = process.env["HARBOR_DB_BIN"];
  if (binary !== undefined) return [binary];
  return scriptCommand("src/main.ts");
}

/** `script` gives a program a terminal of its own and passes on its exit code. */
function onTerminal(command: readonly string[], columns: number): readonly string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  return [
    "script",
    "--quiet",
    "--return",
    "--command",
    `stty cols ${columns} rows 40; exec ${quoted}`,
    "/dev/null",
  ];
}

/** An environment that has nothing of harbor-db's. */
export function baseEnvironment(): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "LANG", "DENO_DIR", largePages, secondCompiler];
  const kept = names.map((name) => [name, process.env[name]]);
  const known = kept.filter(([, value]) => value !== undefined);
  // What outlives a run belongs into a folder that goes with the tests.
  return { ...Object.fromEntries(known), XDG_STATE_HOME: tmpdir(), DENO_NO_UPDATE_CHECK: "1" };
}

function parse<T>(stdout: string, stderr: string): T {
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`Cannot parse what it printed:\n${stdout}\nstderr:\n${stderr}`, { cause: error });
  }
}
