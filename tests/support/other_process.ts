import { spawn } from "node:child_process";
import { once } from "node:events";
import { scriptCommand } from "./script_command.ts";

/** A process that holds a database's lock. */
export interface LockHolderProcess {
  readonly pid: number;
  /** Lets it free the lock and end. */
  end(): Promise<void>;
  /** Kills it with SIGKILL, which leaves it no moment to free anything. */
  kill(): Promise<void>;
}

/** Runs `work` while another process holds the lock of the database. */
export async function withLockHeldElsewhere<T>(
  url: string,
  work: (holder: LockHolderProcess) => Promise<T>,
): Promise<T> {
  const [file = "", ...args] = scriptCommand("tests/support/lock_holder.ts");
  const child = spawn(file, [...args, url], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  let said = "";
  const held = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (/^held$/m.test(said)) resolve();
      });
    }
    ended.then(() => reject(new Error(`Cannot hold the lock: the process ended\n${said}`)));
  });
  try {
    await held;
    return await work({
      pid: child.pid ?? 0,
      async end() {
        child.stdin.end();
        await ended;
      },
      async kill() {
        child.kill("SIGKILL");
        await ended;
      },
    });
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
