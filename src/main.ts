import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type EnvFile, parseEnvFile } from "./core/env_file.ts";
import { runProgram } from "./cli/program.ts";
import type { Sink } from "./cli/report.ts";
import type { BuildInfo, System } from "./cli/system.ts";
import type { Client } from "./db/database.ts";

export type { BuildInfo } from "./cli/system.ts";

/**
 * Wires harbor-db to the process that it runs in, runs the command line and exits. The only place that knows the
 * runtime.
 */
export async function runMain(build: BuildInfo): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
      process.stderr.write(
        "\nstopping after the batch that is running; once more stops at once and rolls it back\n",
      );
    });
  }
  const code = await runProgram(createSystem(build, stop.signal), process.argv.slice(2));
  // What is still open (a dead server's socket) must not keep the process; what is printed must be out first.
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

function createSystem(build: BuildInfo, signal: AbortSignal): System {
  const cwd = process.cwd();
  const file = readEnvironmentFile(cwd);
  return {
    build,
    runtime: runtimeName(),
    cwd,
    // From source, the launcher of the checkout.
    program: [
      build.history === null ? fileURLToPath(new URL("../bin/harbor-db", import.meta.url)) : process.execPath,
    ],
    environment: { USER: userName(), ...file.values, ...process.env },
    remarks: file.unreadable.map((line) => `.env:${line} cannot be read and is passed over`),
    defaultDir: fileURLToPath(new URL("../drizzle", import.meta.url)),
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    ask,
    signal,
    client: createClient(build),
  };
}

/** The `.env` file in the working directory; what the process has in its environment goes before it. */
function readEnvironmentFile(cwd: string): EnvFile {
  const path = join(cwd, ".env");
  return existsSync(path)
    ? parseEnvFile(readFileSync(path, "utf8"), process.env)
    : { values: {}, unreadable: [] };
}

/** libpq's default user; services often have no USER. */
function userName(): string | undefined {
  if (process.env["USER"] !== undefined) return undefined;
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function sink(stream: NodeJS.WriteStream): Sink {
  // A reader that went away (`harbor-db history | head`) is no failure of ours.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return { isTerminal: stream.isTTY === true, write: (text) => void stream.write(text) };
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

function createClient(build: BuildInfo): Client {
  return {
    name: `harbor-db ${build.version}`,
    host: hostname(),
    pid: process.pid,
    processSpace: processSpace(),
    isAlive: (pid) => {
      try {
        return process.kill(pid, 0);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== "ESRCH";
      }
    },
  };
}

/** The boot and the pid namespace together say within which processes a pid means something (Linux). */
function processSpace(): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

function runtimeName(): string {
  const { bun, deno, node } = process.versions as Record<string, string | undefined>;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? `Node ${node}` : `Deno ${deno}`;
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url);
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
  await runMain({ version, commit: null, history: null });
}
