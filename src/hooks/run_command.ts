import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "../base/env_file.ts";
import { HarborError, messageOf } from "../base/errors.ts";
import { formatDuration } from "../base/quantity.ts";

/** What a command of the operator's finds of the process that runs it. */
export interface CommandHost {
  readonly cwd: string;
  /** The environment as harbor-db itself was started with: nothing out of `.env`, settings or files with secrets. */
  readonly environment: Environment;
  /**
   * Sends a signal to a process and all that it started; 0 only looks.
   * @returns Whether there is any of them
   */
  signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL" | 0): boolean;
}

/** A command of the operator's. */
export interface CommandRun {
  /** The option that it is of, by which messages call it: what is in it is nobody else's to read. */
  readonly option: string;
  readonly command: string;
  /** What it is told, by variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Milliseconds after which it is ended. */
  readonly limitMs: number;
  /** Ends it early; `null` for what has to come to its end even when the user wants to stop. */
  readonly signal: AbortSignal | null;
}

/** Options of ours that a harbor-db which a command runs must not take for its own: it would call that command again. */
const ownVariables = [
  "HARBOR_DB_BEFORE",
  "HARBOR_DB_AFTER",
  "HARBOR_DB_AFTER_BACKUP",
  "HARBOR_DB_HEALTH_URL",
];

/** A timer that is set for longer goes off at once. */
const longestTimer = 2 ** 31 - 1;

/** How long what was told to end may take for it, in milliseconds. */
const graceMs = 5_000;

/** How often it is looked whether it did, in milliseconds. */
const pollMs = 50;

/**
 * Runs a command by the system's shell (`sh -c`, on Windows `cmd /c`) to its end. Both its streams go to stderr as they
 * come, it reads nothing, and it has no terminal. It runs in a process group of its own, which is ended as a whole when its
 * time is up.
 *
 * @throws {HarborError} `command_failed` unless it ends with 0; `interrupted`
 */
export async function runCommand(host: CommandHost, run: CommandRun): Promise<void> {
  const { option, command, variables, limitMs, signal } = run;
  const failed = (state: string, details = {}) =>
    new HarborError("command_failed", `Cannot run the command of ${option}`, { state, details });
  if (signal?.aborted) throw stopped(option);
  const inherited = Object.entries(host.environment).filter(([name]) => !ownVariables.includes(name));
  const child = spawn(command, {
    shell: true,
    cwd: host.cwd,
    env: { ...Object.fromEntries(inherited), ...variables },
    stdio: ["ignore", 2, 2],
    detached: true,
    windowsHide: true,
  });
  const end = endOf(child);
  let why: "time" | "signal" | undefined;
  let killing: ReturnType<typeof setTimeout> | undefined;
  const stop = (reason: "time" | "signal") => {
    if (why !== undefined || child.pid === undefined) return;
    why = reason;
    host.signalGroup(child.pid, "SIGTERM");
    killing = setTimeout(() => host.signalGroup(child.pid!, "SIGKILL"), graceMs);
  };
  const onAbort = () => stop("signal");
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop("time"), Math.min(limitMs, longestTimer));
  const ended = await end.finally(() => {
    clearTimeout(timer);
    clearTimeout(killing);
    signal?.removeEventListener("abort", onAbort);
  });
  if (why === "signal") {
    await endGroup(host, child.pid!);
    throw stopped(option);
  }
  if (why === "time") {
    // What ended well all the same, a moment late, was ended by nobody.
    host.signalGroup(child.pid!, "SIGKILL");
    throw failed(`it did not end within ${formatDuration(limitMs)}, and was ended`, { timeUp: true })
      .with({ hint: "Look what it waits for, or give it more time: --hook-timeout <time>" });
  }
  if (ended.error !== null) throw failed(ended.error);
  if (ended.code === 0) return;
  throw failed(
    ended.code === null ? `it was ended by ${ended.signal}` : `it ended with exit code ${ended.code}`,
    { exitCode: ended.code },
  );
}

/** Ends what a command that was told to end has started: the shell may be gone before. */
async function endGroup(host: CommandHost, pid: number): Promise<void> {
  const end = performance.now() + graceMs;
  while (host.signalGroup(pid, 0)) {
    if (performance.now() >= end) return void host.signalGroup(pid, "SIGKILL");
    await sleep(pollMs);
  }
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started. */
  readonly error: string | null;
}

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error: messageOf(error) }));
    child.once("exit", (code, signal) => resolve({ code, signal, error: null }));
  });
}

function stopped(option: string): HarborError {
  return new HarborError("interrupted", `Stopped on request, and with it the command of ${option}`, {
    hint: "Run the same command again to go on.",
  });
}
