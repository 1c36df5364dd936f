import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type BackupCase, fill, initial, storageFields } from "./backups.ts";
import { startCli } from "./run_cli.ts";

/** What is killed. */
export type Operation = "backup" | "upgrade" | "downgrade" | "restore";
export const operations: readonly Operation[] = ["backup", "upgrade", "downgrade", "restore"];

/** A database on which harbor-db is killed again and again. */
export interface KillBench {
  /**
   * Starts an operation, kills it with SIGKILL after a share of the time that it takes, and asserts that nothing is lost,
   * doubled, half there or called proven that is not.
   *
   * @returns What was killed and when, for messages
   */
  round(operation: Operation, share: number): Promise<string>;
  /** Asserts that nothing is left of all that was killed. */
  finish(): Promise<void>;
}

/** Fills the database and measures how long everything takes. */
export async function openKillBench(given: BackupCase, files: number): Promise<KillBench> {
  await fill(given, files);
  const states = [await stateOf(given)];
  const backups = [await makeBackup(given)];
  await given.query("UPDATE files SET size = size + 1");
  states.push(await stateOf(given));
  backups.push(await makeBackup(given));
  const proven = new Set(backups);
  let target = 0;
  const argsOf = (operation: Operation): readonly string[] =>
    ({
      backup: ["backup"],
      upgrade: ["upgrade", storageFields],
      downgrade: ["downgrade", initial, "--yes"],
      restore: ["restore", backups[target]!, "--yes"],
    })[operation];
  const durations = new Map<Operation, number>();
  for (const operation of operations) {
    await prepare(operation);
    const began = performance.now();
    await given.expect(0, ...argsOf(operation));
    durations.set(operation, performance.now() - began);
    await settle(operation);
  }

  async function prepare(operation: Operation): Promise<void> {
    if (operation === "downgrade") await given.expect(0, "upgrade", storageFields, "--no-backup");
  }

  /** Ends what was begun, checks what came of it and goes back to the first revision. */
  async function settle(operation: Operation): Promise<void> {
    if (operation === "restore") {
      const state = await stateOf(given);
      assert.ok(states.includes(state), `neither the one nor the other: ${state}`);
      await given.expect(0, "restore", "--yes", backups[target]!);
      assert.equal(await stateOf(given), states[target]);
      target = 1 - target;
    } else if (operation === "upgrade" || operation === "downgrade") {
      const before = await rowsOf(given);
      assert.ok(states.some((state) => state.endsWith(before)), `rows were lost: ${before}`);
      // What a downgrade left half done is ended, and begun again from above.
      if (operation === "downgrade") await given.expect(0, "downgrade", initial, "--yes", "--no-backup");
      await given.expect(0, "upgrade", storageFields);
      assert.equal(
        await given.value("SELECT count(*) FROM files WHERE storage_backend = 'local'"),
        String(files),
      );
      await given.expect(0, "downgrade", initial, "--yes", "--no-backup");
      assert.ok((await stateOf(given)).endsWith(before));
      assert.ok(states.includes(await stateOf(given)));
    } else assert.ok(states.includes(await stateOf(given)));
  }

  async function verifyNew(): Promise<void> {
    const list = await given.expect(0, "backup", "list", "--json");
    const { backups: listed } = list.json<{ backups: { path: string; verified: boolean }[] }>();
    for (const { path, verified } of listed) {
      if (proven.has(path)) continue;
      assert.ok(verified, `${path} is listed and not whole`);
      await given.expect(0, "backup", "verify", path);
      proven.add(path);
    }
  }

  return {
    async round(operation, share) {
      await prepare(operation);
      const delayMs = durations.get(operation)! * share;
      const running = startCli(argsOf(operation), {
        cwd: given.cwd,
        env: { DATABASE_URL: given.url, HARBOR_DB_BACKUP_DIR: given.folder },
      });
      await Promise.race([sleep(delayMs), running.result]);
      running.kill("SIGKILL");
      const { code } = await running.result;
      const what = `${operation} killed after ${Math.round(delayMs)} ms${
        code === 0 ? " (it had ended)" : ""
      }`;
      try {
        await verifyNew();
        await settle(operation);
      } catch (error) {
        throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
      await given.expect(0, "backup", "prune", "--keep-last", "3", "--force", "--yes");
      // The two that are restored stay, whatever the rules say.
      for (const path of backups) if (!existsSync(path)) throw new Error(`${path} was pruned`);
      return what;
    },
    async finish() {
      await given.expect(0, "backup");
      await given.expect(0, "restore", "--yes", backups[0]!);
      assert.deepEqual(readdirSync(given.folder).filter((name) => name.startsWith(".")), []);
      const files = readdirSync(given.folder).filter((name) => !name.endsWith(".json"));
      for (const file of files) {
        assert.ok(existsSync(`${given.folder}/${file}.json`), `${file} has no manifest`);
      }
      const { lock } = (await given.expect(0, "status", "--json")).json<{ lock: unknown }>();
      assert.equal(lock, null);
    },
  };
}

async function makeBackup(given: BackupCase): Promise<string> {
  const result = await given.expect(0, "backup", "--json", "--backup-dir", `${given.folder}-apart`);
  return result.json<{ backup: { path: string } }>().backup.path;
}

/** What is in the database, to the row. */
async function stateOf(given: BackupCase): Promise<string> {
  const revisions = await given.query("SELECT revision FROM harbor_version ORDER BY revision");
  return `${revisions.map((row) => row["revision"]).join(" ")} | ${await rowsOf(given)}`;
}

async function rowsOf(given: BackupCase): Promise<string> {
  const [row] = await given.query(
    "SELECT count(*) AS a, count(DISTINCT uuid) AS b, sum(id) AS c, sum(size) AS d, (SELECT count(*) FROM collections) AS e, (SELECT count(*) FROM users) AS f FROM files",
  );
  return Object.values(row!).map(String).join(" ");
}
