import { spawn } from "node:child_process";
import { createServer, type Socket } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** A program that serves on 127.0.0.1 until it is stopped or the process that started it ends. */
export interface ServerProcess {
  readonly port: number;
  /** The server's own process, for tests that kill it; `undefined` until it has told. */
  pid(): number | undefined;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** How {@link startServer} starts a program. */
export interface ServerOptions {
  /** For messages. */
  readonly name: string;
  /** The program and its arguments. */
  command(port: number): readonly string[];
  /** Holds all of its data; removed when it ends. */
  readonly directory: string;
  /** The signal, without `SIG`, that ends it at once. */
  readonly stopSignal: string;
  readonly user?: SystemUser;
  /** Throws as long as the server does not answer. */
  ready(port: number): Promise<void>;
}

/** Who a program runs as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

const startLimitMs = 30_000;

/**
 * The server on a leash: whenever standard input closes, which happens however the process that holds the other end
 * dies, the server is ended and its folder removed. Signals to the whole terminal (Ctrl-C) go past it, so that the
 * folder is always removed.
 */
const leash = `
directory=$1 signal=$2; shift 2
trap '' INT TERM HUP PIPE
exec 3<&0
# A file, since a server whose log nobody reads from its pipe answers nobody.
"$@" 3<&- </dev/null >"$directory/log" 2>&1 &
server=$!
echo "$server" >&2
{ cat <&3 >/dev/null; kill -s "$signal" "$server" 2>/dev/null; } &
watcher=$!
exec 3<&-
wait "$server"
code=$?
kill -9 "$watcher" 2>/dev/null
tail -c 20000 "$directory/log" >&2
rm -rf "$directory"
exit "$code"
`;

/** Starts a server on a free port and waits until it answers. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const port = await freePort();
  const child = spawn(
    "/bin/sh",
    ["-c", leash, "leash", options.directory, options.stopSignal, ...options.command(port)],
    // An environment of its own: a developer's PGHOST or SQLD_NODE must not reach the server.
    {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
      cwd: options.directory,
      ...options.user,
    },
  );
  let output = "";
  let running = true;
  child.once("exit", () => running = false);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += String(error);
      running = false;
      resolve();
    });
    // With all that it said.
    child.once("close", () => resolve());
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
  }
  let pid: number | undefined;
  const server: ServerProcess = {
    port,
    pid: () => pid ??= Number(/^\d+$/m.exec(output)?.[0] ?? NaN) || undefined,
    async stop() {
      child.ref();
      // Where the server has ended by itself, only what it still says is waited for.
      for (const stream of child.stdio) (stream as Socket | null)?.ref?.();
      child.stdin.end();
      await ended;
    },
  };
  const deadline = Date.now() + startLimitMs;
  for (;;) {
    try {
      await options.ready(port);
      server.pid();
      // The server must not keep a process alive that has nothing left to do; the leash then ends it.
      child.unref();
      for (const stream of child.stdio) (stream as Socket | null)?.unref?.();
      return server;
    } catch (error) {
      if (running && Date.now() < deadline) {
        await sleep(20);
        continue;
      }
      const why = running ? "no answer" : "it ended";
      await server.stop();
      throw new Error(`Cannot start "${options.name}": ${why}\n${output}`, {
        cause: error,
      });
    }
  }
}

/** The one port of those that `fetch` asks nothing of. Source: https://fetch.spec.whatwg.org/#port-blocking */
const notFetched = 10_080;

/**
 * Returns a port that nothing listens on. It lies below the range from which the kernel gives ports to outgoing
 * connections, so that none of those can take it before the server does.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (port !== notFetched && await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.once("error", () => resolve(false));
    listener.listen(port, "127.0.0.1", () => listener.close(() => resolve(true)));
  });
}
