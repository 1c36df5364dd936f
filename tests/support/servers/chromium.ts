import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** A page in a real browser. */
export interface Page {
  /** Calls a method of the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/ */
  send(method: string, parameters?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** Runs JavaScript in the page, as the DevTools do, and returns what it comes to. */
  evaluate<T>(script: string): Promise<T>;
  /** What the page has asked the network for, and errors on its console, since it was opened. */
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
}

/** Runs `work` with a page at a URL in Debian's chromium, without a window and with scripts of the page switched off. */
export async function withPage(url: string, work: (page: Page) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "harbor_db_chromium_"));
  try {
    const browser = spawn("/usr/bin/chromium", [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      "--hide-scrollbars",
      `--user-data-dir=${join(folder, "profile")}`,
      // A pipe and not a port: the browser ends when it closes, so also when this process is killed.
      "--remote-debugging-pipe",
      "about:blank",
    ], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], HOME: folder, TMPDIR: folder },
    });
    const gone = new Promise<never>((_, reject) => {
      browser.once("error", reject);
      browser.once("exit", (code) => reject(new Error(`Chromium ended by itself with ${code}`)));
    });
    gone.catch(() => {});
    try {
      const [, , , input, output] = browser.stdio as unknown as readonly [
        null,
        null,
        null,
        Writable,
        Readable,
      ];
      await Promise.race([gone, drive({ input, output }, url, work)]);
    } finally {
      const ended = new Promise((resolve) => browser.once("exit", resolve));
      browser.kill("SIGTERM");
      const timer = setTimeout(() => browser.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(timer);
    }
  } finally {
    await removeFolder(folder);
  }
}

/** The browser's helpers live a little longer than itself, and write. */
async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await rm(folder, { recursive: true, force: true });
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Pipe {
  readonly input: Writable;
  readonly output: Readable;
}

async function drive(
  { input, output }: Pipe,
  url: string,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const waiting = new Map<number, (message: Message) => void>();
  const requests: string[] = [];
  const complaints: string[] = [];
  let onLoad = () => {};
  let last = 0;
  const hear = (message: Message) => {
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    if (message.method === "Network.requestWillBeSent") {
      requests.push((message.params?.["request"] as { url: string }).url);
    }
    if (message.method === "Log.entryAdded") {
      complaints.push((message.params?.["entry"] as { text: string }).text);
    }
    if (message.method === "Page.loadEventFired") onLoad();
  };
  // Each message ends with a zero byte.
  let rest = "";
  output.setEncoding("utf8").on("data", (text: string) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop() ?? "";
    for (const message of messages) hear(JSON.parse(message));
  });
  const call = (method: string, params: Readonly<Record<string, unknown>>, sessionId?: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });

  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  const send: Page["send"] = (method, parameters = {}) => call(method, parameters, String(sessionId));
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  await send("Emulation.setScriptExecutionDisabled", { value: true });
  const loaded = new Promise<void>((resolve) => onLoad = resolve);
  await send("Page.navigate", { url });
  await loaded;
  await work({
    send,
    requests,
    complaints,
    async evaluate<T>(script: string) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression: script,
        returnByValue: true,
      }) as { result?: { value?: unknown }; exceptionDetails?: unknown };
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return result?.value as T;
    },
  });
}
