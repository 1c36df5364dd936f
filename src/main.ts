import { fstatSync, readFileSync, readlinkSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readEnvFile } from "./cli/read_env_file.ts";
import { createSchemaHost, type SchemaHost } from "./hooks/schema_host.ts";
import type { Sink } from "./cli/output/sink.ts";
import type { BuildInfo, System } from "./cli/system.ts";
import { versionText } from "./cli/version_text.ts";
import type { Client } from "./engines/database.ts";

export type { BuildInfo } from "./cli/system.ts";

// Libraries have one in every runtime.
declare const console: { readonly error: (...said: unknown[]) => void };

/**
 * Milliseconds in which a second signal is not somebody's second word: a terminal that closes, and timeout(1), tell the
 * process and then its whole group.
 */
const echoMs = 300;

/**
 * Wires harbor-db to the process that it runs in, runs the command line and exits. The only place that knows the
 * runtime.
 */
export async function runMain(build: BuildInfo): Promise<void> {
  keepStdout();
  const started = keepCertificates();
  const stop = new AbortController();
  const listeners: (readonly [NodeJS.Signals, () => void])[] = [];
  const schemaHost = createSchemaHost(process, {
    stop,
    ownFolder: import.meta.dirname ?? "",
    withoutSignals: (work) => {
      for (const [signal, listener] of listeners) process.off(signal, listener);
      try {
        return work();
      } finally {
        for (const [signal, listener] of listeners) process.on(signal, listener);
      }
    },
  });
  const system = createSystem(build, { signal: stop.signal, schemaHost, started });
  const ignored = ignoredSignals();
  let stoppedAt = 0;
  for (const [signal, number] of [["SIGHUP", 1n], ["SIGINT", 2n], ["SIGTERM", 15n]] as const) {
    // What nohup, or a shell that puts it into the background, told to go on goes on. Deno takes those signals, too, once
    // it has to listen for one.
    const isIgnored = (ignored >> (number - 1n) & 1n) === 1n;
    const listener = () => {
      if (stop.signal.aborted) {
        if (performance.now() - stoppedAt > echoMs) schemaHost.end(130);
        return;
      }
      stop.abort();
      stoppedAt = performance.now();
      if (isAsking) return;
      const { isTerminal, write } = system.stderr;
      // In the place of what the terminal shows of the key, and of a line of progress.
      write(
        `${isTerminal ? "\r\x1b[J" : ""}stopping as soon as nothing is half done; once more stops at once\n`,
      );
    };
    process.on(signal, isIgnored ? () => {} : listener);
    if (!isIgnored) listeners.push([signal, listener]);
  }
  const code = await run(system, process.argv.slice(2));
  // What is still open (a dead server's socket) must not keep the process. What was done and could not be told is no
  // success for whoever asked for it.
  schemaHost.end(code === 0 && unprinted !== undefined ? 1 : code);
}

/** Lets what a schema.ts or a library prints go to stderr: stdout is for the result alone. */
function keepStdout(): void {
  const { error } = console;
  Object.assign(console, { log: error, info: error, debug: error, dir: error, table: error, group: error });
  // Bun makes a stream of it before it is defined anew, and not once it was set; in other runtimes it cannot be set.
  Reflect.set(process, "stdout", undefined);
  Object.defineProperty(process, "stdout", { get: () => process.stderr });
}

/** By which Node's programs are told to take any certificate. */
const anyCertificate = "NODE_TLS_REJECT_UNAUTHORIZED";

/**
 * Has the runtime look at certificates whatever the environment says: a variable that was meant for another program would give
 * keys and rows to whoever is between.
 *
 * @returns The environment as it was
 */
function keepCertificates(): NodeJS.ProcessEnv {
  if (process.env[anyCertificate] === undefined) return process.env;
  const started = { ...process.env };
  process.env[anyCertificate] = "1";
  return started;
}

async function run(system: System, args: readonly string[]): Promise<number> {
  // Scripts ask for it often, and to read the command line takes longer than all the rest of it.
  if (args.length === 1 && args[0] === "--version" && !system.environment["HARBOR_DB_JSON"]) {
    system.stdout.write(`${versionText(system)}\n`);
    return 0;
  }
  const { runProgram } = await import("./commands/program.ts");
  return await runProgram(system, args);
}

function createSystem(
  build: BuildInfo,
  { signal, schemaHost, started }: {
    readonly signal: AbortSignal;
    readonly schemaHost: SchemaHost;
    /** What commands of the operator's get. */
    readonly started: NodeJS.ProcessEnv;
  },
): System {
  const cwd = process.cwd();
  const checkout = join(import.meta.dirname ?? "", "..");
  const file = readEnvFile(cwd, process.env);
  return {
    build,
    runtime: runtimeName(),
    cwd,
    // From source, the launcher of the checkout.
    homeFolder: () => process.env["HOME"] || account()?.home || undefined,
    userName: () => account()?.name,
    program: [build.history === null ? join(checkout, "bin/harbor-db") : process.execPath],
    environment: {
      // libpq's default user; services often have no USER.
      get USER() {
        return account()?.name;
      },
      ...file.values,
      ...process.env,
    },
    secretFiles: {},
    envFile: { ...file, values: broughtBy(file.values) },
    settingsFile: null,
    defaultDir: join(checkout, "drizzle"),
    stdout: sink(1),
    stderr: sink(2),
    isInteractive: isTerminal(0) && isTerminal(2),
    ask: (question) => ask(question, signal),
    signal,
    schemaHost,
    client: createClient(build),
    commandHost: { cwd, environment: started, signalGroup },
  };
}

/** What of `.env` the environment itself does not say. */
function broughtBy(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => process.env[name] === undefined));
}

/** Loaded when it is asked for: to find out where a database stands takes neither host nor user. */
function os() {
  return process.getBuiltinModule("node:os");
}

/** Returns what the list of users says of this process's user: its name and its folder. */
function account(): { readonly name: string; readonly home: string } | undefined {
  try {
    const uid = String(process.geteuid!());
    const lines = readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"));
    const own = lines.find((fields) => fields[2] === uid);
    if (own !== undefined) return { name: own[0]!, home: own[5] ?? "" };
    const { username, homedir } = os().userInfo();
    // Bun takes the name from USER, and makes one up where there is none.
    return username === "unknown" ? undefined : { name: username, home: homedir };
  } catch {
    return undefined;
  }
}

/** Why something could not be printed, the first time. */
let unprinted: string | undefined;

/**
 * Writes at once, and whatever comes of it goes on: what is under way must not end half way because a log is full or a
 * reader went away (`harbor-db history | head`). `process.stdout` would load Node's streams and terminals, which takes longer than all the rest of a
 * start.
 */
function sink(descriptor: number): Sink {
  const encoder = new TextEncoder();
  let isGone = false;
  let columns: number | undefined;
  const isOne = isTerminal(descriptor);
  return {
    // One that knows no colours and no way back is written to like a file.
    isTerminal: isOne && process.env["TERM"] !== "dumb",
    get columns() {
      if (!isOne) return undefined;
      if (columns !== undefined) return columns;
      // Made again when it changes: it is read once.
      process.once("SIGWINCH", () => columns = undefined);
      return columns = new (process.getBuiltinModule("node:tty").WriteStream)(descriptor).columns ||
        undefined;
    },
    write(text) {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length && !isGone;) {
        try {
          at += writeSync(descriptor, bytes, at);
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          // A terminal that another program set not to block is full.
          if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
          else {
            isGone = true;
            // Who closed a pipe wants no more of it, as `head` does.
            if (code === "EPIPE") return;
            const isFirst = unprinted === undefined;
            unprinted ??= message;
            if (isFirst && descriptor === 1) sink(2).write(`error: Cannot print the result: ${message}\n`);
          }
        }
      }
    },
  };
}

/** Whether a file descriptor is a terminal. Only where it may be one, the module is loaded that knows. */
function isTerminal(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isCharacterDevice() || stat.rdev === statSync("/dev/null").rdev) return false;
    return process.getBuiltinModule("node:tty").isatty(descriptor);
  } catch {
    return false;
  }
}

/** Lines that were typed; one reader for all questions, since a second one would lose what came before it. */
let typed: AsyncIterator<string> | undefined;

/** Whether a question is open, at which nothing is under way that would have to come to an end first. */
let isAsking = false;

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const [{ createInterface }, { HarborError }] = await Promise.all([
    import("node:readline"),
    import("./base/errors.ts"),
  ]);
  sink(2).write(question);
  typed ??= createInterface({ input: process.stdin, terminal: false })[Symbol.asyncIterator]();
  isAsking = true;
  const stopped = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  // A terminal that was closed cannot be read.
  const end = { value: undefined, done: true } as const;
  const answer = await Promise.race([typed.next().catch(() => end), stopped]);
  isAsking = false;
  if (answer !== null && answer.done !== true) return answer.value;
  // The error begins a line of its own.
  sink(2).write("\n");
  throw new HarborError("interrupted", "Stopped at the question: nothing was changed");
}

/** Returns the signals that this process was started to ignore, a bit each (Linux). */
function ignoredSignals(): bigint {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return BigInt(`0x${mask}`);
  } catch {
    return 0n;
  }
}

function createClient(build: BuildInfo): Client {
  // Who only looks holds no lock, and needs neither it nor the host's name.
  let space: string | null | undefined;
  return {
    name: `harbor-db ${build.version}`,
    get host() {
      return os().hostname();
    },
    pid: process.pid,
    get processSpace() {
      return space === undefined ? space = processSpace() : space;
    },
    isAlive: (pid) => {
      try {
        return process.kill(pid, 0);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== "ESRCH";
      }
    },
  };
}

/** Windows has no groups of processes: there it is the process alone. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // It ended a moment ago.
    return false;
  }
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
