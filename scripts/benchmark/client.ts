/**
 * The application beside a bench: a process of its own that writes, or reads, every few milliseconds and notes how
 * long each took. Arguments: URL, `writer` or `reader`, milliseconds to wait for a lock. Prints "ready", and when its
 * standard input closes, one JSON array with a {@link Access} for each.
 */
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Access } from "./beside.ts";
import { messageOf } from "../../src/base/errors.ts";

const everyMs = 5;
const [, , url = "", role = "", timeout = "5000"] = process.argv;

const insert = (turn: number) =>
  `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES ('beside-${turn}', 'a', 'a', 'image/jpeg', 1, 'uploads/a', '2025-09-25 13:06:54.566933', 1)`;
// The writer changes old rows too, as an application does, and as a backfill gets to see them.
const update = (turn: number) => `UPDATE files SET size = size + 1 WHERE id = ${1 + (turn * 7919) % 50_000}`;
const select = (turn: number) => `SELECT filename FROM files WHERE id = ${1 + (turn * 7919) % 50_000}`;
const statement = (turn: number) =>
  role === "reader" ? select(turn) : turn % 2 === 0 ? insert(turn) : update(turn);

function openRun(): (text: string) => Promise<unknown> {
  if (!url.startsWith("sqlite:")) {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    return (text) => sql.unsafe(text);
  }
  const database = new DatabaseSync(url.slice("sqlite:///".length), { timeout: Number(timeout) });
  return (text) => new Promise((resolve) => resolve(database.prepare(text).all()));
}

let isOver = false;
process.stdin.on("end", () => isOver = true).resume();
const run = openRun();
await run(select(0));
process.stdout.write("ready\n");
const done: Access[] = [];
for (let turn = 0, next = performance.now(); !isOver; turn++) {
  const began = performance.now();
  let failed: string | null = null;
  try {
    await run(statement(turn));
  } catch (error) {
    failed = messageOf(error);
  }
  done.push({ at: performance.timeOrigin + began, ms: performance.now() - began, failed });
  // After a long wait it goes on, and does not make up for what it missed.
  next = Math.max(next + everyMs, performance.now() + 1);
  await sleep(Math.max(0, next - performance.now()));
}
process.stdout.write(JSON.stringify(done), () => process.exit(0));
