import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { withFolder } from "../../tests/support/databases.ts";
import { whenFree } from "../../tests/support/samples/application.ts";
import { runCli, startCli } from "../../tests/support/run_cli.ts";
import { scriptCommand } from "../../tests/support/script_command.ts";
import type { Seeded } from "../../tests/support/seeded.ts";
import { type Case, environmentOf } from "./cases.ts";

/** How often to kill, and what to tell. */
export interface Rounds {
  readonly random: Seeded;
  /** How long one took that nobody killed, by command, in milliseconds: kills are spread over that. The first of each is not killed. */
  readonly durations: Map<string, number>;
  /** Told of each kill, and in which phase the database was left; returns whether there is to be another one. */
  readonly onKill: (what: string, phase: string) => boolean;
  /** Told of each run that had ended when it was to be killed. */
  readonly onEnded: (what: string) => void;
  /** Told of each run that ended since the application held the lock for too long, which is then begun again. */
  readonly onBusy: (what: string) => void;
}

/**
 * Makes a database beside a writer and leads it there and back, killed again and again on the way, until `onKill` says that it
 * is enough or the case does not go back.
 *
 * @throws {Error} when something is lost, changed, left behind, or not gone on with
 */
export async function soakBeside(
  given: Case,
  { random, durations, onKill, onEnded, onBusy }: Rounds,
): Promise<void> {
  const inFolder = (work: (url: string, folder: string) => Promise<void>) =>
    given.engine.withDatabase((url) => withFolder((folder) => work(url, folder)));
  await inFolder(async (url, folder) => {
    await given.make(url, folder);
    const hasJournal = given.engine.dialect === "sqlite" && random.below(4) === 0;
    if (given.engine.dialect === "sqlite") {
      await given.engine.query(url, `PRAGMA journal_mode = ${hasJournal ? "DELETE" : "WAL"}`);
    }
    const env = environmentOf(given, url, folder);
    const options = { cwd: folder, env, limitMs: 600_000 };
    const writer = await startWriter(url, random.below(1_000_000), given);
    try {
      let isMore = true;
      for (let trip = 0; isMore && trip < 6; trip++) {
        const isThere = trip % 2 === 0;
        const args = isThere ? given.there : given.back;
        if (args === null) break;
        const name = `${given.name}${hasJournal ? " (rollback journal)" : ""}: ${args[0]}`;
        const wholeMs = durations.get(name);
        for (let kills = wholeMs === undefined ? 0 : 1 + random.below(5); kills > 0 && isMore; kills--) {
          const afterMs = Math.round(wholeMs! * random.below(1_050) / 1_000);
          const running = startCli(args, options);
          await Promise.race([sleep(afterMs), running.result]);
          running.kill("SIGKILL");
          const { code } = await running.result;
          await check(given, url, `${name}, killed after ${afterMs} ms`);
          const what = `${name} after ${afterMs} ms`;
          if (code === null) {
            const phase = await phaseOf(options);
            isMore = onKill(`${what}: ${phase}`, `${name}: ${phase}`);
          } else onEnded(`${what}: had ended with ${code}`);
          if (code === 0) break;
          if (random.below(8) === 0 && given.back !== null) {
            await ended(["upgrade", "--abandon"], options);
            await check(given, url, `${name}, abandoned`);
          }
        }
        const began = performance.now();
        while (await isTurnedAway(args, options)) {
          onBusy(name);
          await check(given, url, `${name}, turned away`);
        }
        if (wholeMs === undefined) durations.set(name, performance.now() - began);
        await check(given, url, `${name}, ended`, isThere ? given.wrong.there : given.wrong.back);
        const { lock } = (await ended(["status", "--json"], options)).json<{ lock: unknown }>();
        assert.equal(lock, null);
      }
    } finally {
      await writer.end();
    }
    if (given.writes === "application") {
      // verify would miss the revisions that the last trip took away.
      await ended(["upgrade", "--no-backup"], options);
      // The writer numbers its rows itself, which PostgreSQL's sequence does not know.
      const checks = given.engine.dialect === "sqlite" ? "history,schema,integrity" : "history,schema";
      await ended(["verify", "--only", checks, "--quiet"], options);
    }
  });
}

async function ended(args: readonly string[], options: Parameters<typeof runCli>[1]) {
  const result = await runCli(args, options);
  assert.equal(result.code, 0, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

/** Runs it to its end; returns whether that was for want of the lock, which the application held for too long. */
async function isTurnedAway(
  args: readonly string[],
  options: Parameters<typeof runCli>[1],
): Promise<boolean> {
  const result = await runCli(args, options);
  if (result.code === 1 && result.stderr.includes("database is locked")) return true;
  assert.equal(result.code, 0, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return false;
}

/** Returns what was under way when it was killed, as `status` says it: that it can is checked, too. */
async function phaseOf(options: Parameters<typeof runCli>[1]): Promise<string> {
  const status = (await ended(["status", "--json"], options)).json<Status>();
  const [change] = status.beside;
  if (status.unreturned.length > 0) return "kept data on its way back";
  if (change !== undefined) return `${change.change}, ${change.phase}`;
  const [unfinished] = status.kept.filter(({ state }) => state === "keeping" || state === "noting");
  if (unfinished !== undefined) return `kept data, ${unfinished.state}`;
  if (status.backfills.length > 0) return "backfill";
  return status.unfinished !== null ? "between the pieces of a step" : "between steps";
}

interface Status {
  readonly unfinished: unknown;
  readonly backfills: readonly unknown[];
  readonly unreturned: readonly unknown[];
  readonly beside: readonly { readonly change: string; readonly phase: string }[];
  readonly kept: readonly { readonly state: string }[];
}

/** What harbor-db works with and takes away at the end. */
const leftovers = {
  sqlite:
    "SELECT type, name FROM sqlite_schema WHERE type = 'trigger' OR name GLOB 'harbor_beside*' OR name GLOB '__new*'",
  postgresql:
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'harbor\\_ahead%' UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
};

/** Without `wrong` it was killed half way, and what it works with may be there. */
async function check(
  { engine, columns }: Case,
  url: string,
  when: string,
  wrong?: readonly string[],
): Promise<void> {
  const ask = (statement: string) => whenFree(() => engine.query(url, statement));
  if (engine.dialect === "sqlite") {
    assert.deepEqual(await ask("PRAGMA integrity_check"), [{ integrity_check: "ok" }], when);
  }
  for (const [from, to] of [["files", "twin"], ["twin", "files"]]) {
    const other = await ask(
      `SELECT * FROM (SELECT ${columns} FROM ${from} EXCEPT SELECT ${columns} FROM ${to}) AS other LIMIT 3`,
    );
    assert.deepEqual(other, [], `${when}: in ${from} and not in ${to}`);
  }
  if (wrong === undefined) return;
  assert.deepEqual(await ask(leftovers[engine.dialect]), [], when);
  for (const query of wrong) {
    const [row] = await ask(query);
    assert.equal(String(Object.values(row!)[0]), "0", `${when}: ${query}`);
  }
}

interface Writer {
  /** @throws {Error} when it met an error */
  end(): Promise<void>;
}

async function startWriter(url: string, seed: number, { engine, writes }: Case): Promise<Writer> {
  const [file = "", ...args] = scriptCommand("scripts/soak_beside/writer.ts");
  const child: ChildProcess = spawn(file, [...args, engine.dialect, url, String(seed), writes], {
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
