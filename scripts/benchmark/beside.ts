import { spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { projectFile } from "../../tests/support/project.ts";
import type { Ran } from "./process.ts";
import { quantile } from "./stats.ts";

/** One access of the application to its database. */
export interface Access {
  /** When it began, as `performance.timeOrigin + performance.now()`. */
  readonly at: number;
  readonly ms: number;
  /** What the database said when it failed. */
  readonly failed: string | null;
}

/** When a tool ran. */
export type Period = Pick<Ran, "startedAt" | "endedAt">;

/** What the application saw while a tool ran. */
export interface Seen {
  readonly accesses: number;
  readonly longestMs: number;
  readonly p99Ms: number;
  readonly errors: number;
  /** The condition of a row of `files` that was there when the tool ended. */
  readonly wasThere: string;
  /** Writes that did not fail from its start to its end. */
  readonly writes: number;
}

/** The application beside a run. */
export interface Client {
  /** Ends it and returns what it saw in each of some periods. */
  end<T extends readonly Period[]>(...periods: T): Promise<{ readonly [K in keyof T]: Seen }>;
}

/** How the application uses its database. */
export interface ClientOptions {
  readonly role: "writer" | "reader";
  /** How long it waits for SQLite's lock. */
  readonly timeoutMs: number;
}

/** How long it runs alone before and after, in milliseconds. */
const aloneMs = 300;

/** Starts the application, and resolves when it is at work. */
export async function startClient(url: string, { role, timeoutMs }: ClientOptions): Promise<Client> {
  const script = projectFile("scripts/benchmark/client.ts");
  const child = spawn(
    process.execPath,
    ["run", "--quiet", "--allow-all", "--no-lock", "--no-check", script, url, role, String(timeoutMs)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  let said = "";
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.startsWith("ready\n")) resolve();
    });
    closed.then(() => reject(new Error(`Cannot run the ${role}: it ended at once`)));
  });
  await sleep(aloneMs);
  return {
    async end<T extends readonly Period[]>(...periods: T) {
      await sleep(aloneMs);
      child.stdin.end();
      const code = await closed;
      if (code !== 0) throw new Error(`Cannot use what the ${role} saw: it ended with ${code ?? "a signal"}`);
      const all = JSON.parse(said.slice("ready\n".length)) as readonly Access[];
      return periods.map((period) => during(all, period)) as { readonly [K in keyof T]: Seen };
    },
  };
}

/** Every access counts that was under way at some moment of the run. */
function during(all: readonly Access[], { startedAt, endedAt }: Period): Seen {
  const some = all.filter(({ at, ms }) => at + ms >= startedAt && at <= endedAt);
  const waits = some.map(({ ms }) => ms);
  const last = all.findLastIndex(({ at, ms }) => at + ms <= endedAt);
  return {
    accesses: some.length,
    longestMs: Math.max(0, ...waits),
    p99Ms: quantile(waits, 0.99),
    errors: some.filter(({ failed }) => failed !== null).length,
    wasThere: `(uuid NOT LIKE 'beside-%' OR CAST(substr(uuid, 8) AS INTEGER) <= ${last})`,
    writes: all.filter(({ failed }) => failed === null).length,
  };
}
