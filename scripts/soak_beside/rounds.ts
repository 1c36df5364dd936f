import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { withFolder } from "../../tests/support/databases.ts";
import { runCli, startCli } from "../../tests/support/run_cli.ts";
import { scriptCommand } from "../../tests/support/script_command.ts";
import type { Seeded } from "../../tests/support/seeded.ts";
import { type Case, environmentOf } from "./cases.ts";

/** How often to kill, and what to tell. */
export interface Rounds {
  readonly random: Seeded;
  /** How long one took that nobody killed, by command, in milliseconds: kills are spread over that. The first of each is not killed. */
  readonly durations: Map<string, number>;
  /** Told of each kill; returns whether there is to be another one. */
  readonly onKill: (what: string) => boolean;
}

/**
 * Makes a database beside a writer and leads it there and back, killed again and again on the way, until `onKill` says that it
 * is enough or the case does not go back.
 *
 * @throws {Error} when something is lost, changed, left behind, or not gone on with
 */
export async function soakBeside(given: Case, { random, durations, onKill }: Rounds): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "soak.db");
    await given.make(path, folder);
    const isWal = random.below(4) > 0;
    within(path, (database) => database.exec(`PRAGMA journal_mode = ${isWal ? "WAL" : "DELETE"}`));
    const env = environmentOf(given, path, folder);
    const options = { cwd: folder, env, limitMs: 600_000 };
    const writer = await startWriter(path, random.below(1_000_000), given.writes);
    try {
      let isMore = true;
      for (let trip = 0; isMore && trip < 6; trip++) {
        const isThere = trip % 2 === 0;
        const args = isThere ? given.there : given.back;
        if (args === null) break;
        const name = `${given.name}${isWal ? "" : " (rollback journal)"}: ${args[0]}`;
        const wholeMs = durations.get(name);
        for (let kills = wholeMs === undefined ? 0 : 1 + random.below(5); kills > 0 && isMore; kills--) {
          const afterMs = Math.round(wholeMs! * random.below(1_050) / 1_000);
          const running = startCli(args, options);
          await Promise.race([sleep(afterMs), running.result]);
          running.kill("SIGKILL");
          const { code } = await running.result;
          check(given, path, `${name}, killed after ${afterMs} ms`);
          isMore = onKill(
            `${name} after ${afterMs} ms${code === null ? "" : ` (it had ended with ${code})`}`,
          );
          if (code === 0) break;
          if (random.below(8) === 0 && given.back !== null) {
            await ended(["upgrade", "--abandon"], options);
            check(given, path, `${name}, abandoned`);
          }
        }
        const began = performance.now();
        await ended(args, options);
        if (wholeMs === undefined) durations.set(name, performance.now() - began);
        check(given, path, `${name}, ended`, isThere ? given.holds.there : given.holds.back);
        const { lock } = (await ended(["status", "--json"], options)).json<{ lock: unknown }>();
        assert.equal(lock, null);
      }
    } finally {
      await writer.end();
    }
    if (given.writes === "application") {
      await ended(["verify", "--only", "history,schema,integrity", "--quiet"], options);
    }
  });
}

async function ended(args: readonly string[], options: Parameters<typeof runCli>[1]) {
  const result = await runCli(args, options);
  assert.equal(result.code, 0, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

/** Looks while nobody writes. Without `holds` it was killed half way, and what it works with may be there. */
function check(given: Case, path: string, when: string, holds?: readonly string[]): void {
  within(path, (database) => {
    const one = (text: string) => Object.values(database.prepare(text).get()!)[0];
    database.exec("BEGIN IMMEDIATE");
    try {
      assert.equal(one("PRAGMA integrity_check"), "ok", when);
      for (const [from, to] of [["files", "twin"], ["twin", "files"]]) {
        const query = `SELECT ${given.columns} FROM ${from} EXCEPT SELECT ${given.columns} FROM ${to}`;
        const other = database.prepare(`${query} LIMIT 3`).all();
        assert.deepEqual(other, [], `${when}: in ${from} and not in ${to}`);
      }
      if (holds === undefined) return;
      const left = database.prepare(
        "SELECT type, name FROM sqlite_schema WHERE type = 'trigger' OR name GLOB 'harbor_beside*' OR name GLOB '__new*'",
      ).all();
      assert.deepEqual(left, [], when);
      for (const query of holds) assert.equal(one(query), 1, `${when}: ${query}`);
    } finally {
      database.exec("COMMIT");
    }
  });
}

function within(path: string, work: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(path, { timeout: 60_000 });
  try {
    work(database);
  } finally {
    database.close();
  }
}

interface Writer {
  /** @throws {Error} when it met an error */
  end(): Promise<void>;
}

async function startWriter(path: string, seed: number, writes: Case["writes"]): Promise<Writer> {
  const [file = "", ...args] = scriptCommand("scripts/soak_beside/writer.ts");
  const child: ChildProcess = spawn(file, [...args, path, String(seed), writes], {
    stdio: ["pipe", "pipe", "pipe"],
    env: process.env,
  });
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => said += text);
  const closed = once(child, "close");
  await Promise.race([once(child.stdout!, "data"), closed]);
  return {
    async end() {
      child.stdin!.on("error", () => {}).end("end\n");
      const [code] = await closed;
      if (code !== 0) throw new Error(`The application failed: ${said}`);
    },
  };
}
