import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** A program to run, with all that it needs to know. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
}

/** What running a program took. */
export interface Ran {
  readonly ms: number;
  /** The most memory of its own that it was seen to have, in MB, without pages of files that it maps; 0 when it was over before that could be read. */
  readonly peakMb: number;
  readonly stdout: string;
  /** When it started and ended, as `performance.timeOrigin + performance.now()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** How often memory is read, in milliseconds. */
const lookMs = 5;

/**
 * Runs a program to its end.
 *
 * @throws {Error} with all that it printed unless it exits with 0: a bench of failures is worth nothing
 */
export function run(command: Command): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const { file, args, env, cwd, stdin } = command;
    let output = "";
    let stdout = "";
    let peakMb = 0;
    const started = performance.now();
    const child = spawn(file, [...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", NO_COLOR: "1", ...env },
      stdio: ["pipe", "pipe", "pipe"],
      ...(cwd === undefined ? {} : { cwd }),
    });
    const watch = setInterval(() => peakMb = Math.max(peakMb, peakMemory(child.pid)), lookMs);
    child.stdout.on("data", (chunk: Uint8Array) => {
      stdout += new TextDecoder().decode(chunk);
    });
    child.stderr.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(stdin ?? "");
    child.once("error", reject);
    let ended = 0;
    child.once("exit", () => ended = performance.now());
    child.once("close", (code) => {
      clearInterval(watch);
      if (code === 0) {
        const at = (time: number) => performance.timeOrigin + time;
        resolve({ ms: ended - started, peakMb, stdout, startedAt: at(started), endedAt: at(ended) });
      } else {
        reject(
          new Error(`Cannot measure "${file} ${args.join(" ")}": exit code ${code}\n${stdout}${output}`),
        );
      }
    });
  });
}

function peakMemory(pid: number | undefined): number {
  try {
    const [, kilobytes = "0"] = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ??
      [];
    return Number(kilobytes) / 1000;
  } catch {
    return 0;
  }
}
