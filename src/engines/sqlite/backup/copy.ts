import { closeSync, openSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { stoppedBackup } from "../../../base/stop_backup.ts";
import type {
  BackupContent,
  OnProgress,
  ProvenCopy,
  ProveOptions,
  Thoroughness,
} from "../../backup/engine.ts";
import { lockTable, readContent, type ReadOptions } from "./content.ts";
import { definitionsQuery, foreignPart, foreignPartError } from "../connection/errors.ts";
import { freedLock } from "../lock/row.ts";
import { type FileJob, isLarge, runApart, together } from "../apart/large_file.ts";
import {
  type Account,
  accountOf,
  type AccountRow,
  type AccountTable,
  accountTables,
  isAccountTable,
} from "../../backup/account.ts";
import type { Proven } from "../../backup/content.ts";
import { execute, mostMappedBytes, openImmutable, prepare } from "../connection/open_file.ts";

/** Makes an empty file that nobody else may read, for SQLite to fill. */
export function createCopyFile(path: string): void {
  closeSync(openSync(path, "wx", 0o600));
}

/**
 * Takes out of a copy what only the process holds that made it: the lock, as if it had been freed before the copy
 * was made.
 */
export function freeCopiedLock(path: string): void {
  const copy = new DatabaseSync(path);
  try {
    if (prepare(copy, "SELECT 1 FROM sqlite_schema WHERE name = ?").get(lockTable) === undefined) return;
    // The whole file is flushed when it is done.
    execute(copy, "PRAGMA synchronous = OFF");
    execute(
      copy,
      `UPDATE ${lockTable} SET ${freedLock} WHERE token <> ''`,
    );
  } finally {
    copy.close();
  }
}

/** A part of a proof, for a thread. */
export interface ReadJob extends FileJob {
  readonly verb: "read";
}

/** The other part. */
export interface CheckJob extends FileJob {
  readonly verb: "check";
  readonly pragma: CheckPragma;
}

/** `quick_check` counts the entries of indexes, and does not look whether each is that of its row. */
type CheckPragma = "integrity_check" | "quick_check";

interface ProofOptions extends Thoroughness, Pick<ProveOptions, "mayHaveWrongIndexes"> {
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Opens a copy as a database of its own, has SQLite check all of it, and reads all rows; of a large one both at once. A
 * quick proof of a large one does not compare index entries, which takes ten times as long as the rest of the check.
 *
 * @throws {HarborError} `backup_failed` when it is not whole; `interrupted`
 */
export async function proveCopy(path: string, options: ProofOptions): Promise<Proven & ProvenCopy> {
  try {
    return await proveAll(path, options);
  } catch (error) {
    const wrongIndexes = options.mayHaveWrongIndexes ? wrongIndexesOf(error) : [];
    if (wrongIndexes.length === 0) throw error;
    // SQLite was asked for its first findings only: this check fails on all but what indexes hold.
    const { signal } = options;
    const content = isLarge(path)
      ? await proveApart(path, { signal, isQuick: true })
      : await proveHere(path, { signal, isQuick: true });
    return { content, proof: "opened", notRestored: null, notCompared: "index entries", wrongIndexes };
  }
}

/** Returns the indexes that findings are about; none where one finding is about anything else. */
function wrongIndexesOf(error: unknown): readonly string[] {
  const found = error instanceof HarborError ? error.details["problems"] : undefined;
  const problems = (found ?? []) as readonly string[];
  const names = problems.map((problem) =>
    /^(?:row \d+ missing from|non-unique entry in) index (.+)$/.exec(problem)?.[1]
  );
  return names.every((name) => name !== undefined) ? [...new Set(names)] : [];
}

async function proveAll(path: string, options: ProofOptions): Promise<Proven & ProvenCopy> {
  const proof = { proof: "opened", notRestored: null } as const;
  if (!isLarge(path)) return { content: await proveHere(path, { ...options, isQuick: false }), ...proof };
  const content = await proveApart(path, options);
  return options.isQuick ? { content, ...proof, notCompared: "index entries" } : { content, ...proof };
}

/** Reads what a copy says of itself. */
export async function readAccount(path: string): Promise<Account> {
  return await withCopy(path, (copy) => {
    const columns = prepare(
      copy,
      "SELECT c.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name = ?",
    );
    const isThere = (name: string) =>
      isAccountTable(name, columns.all(name).map((column) => String(column["name"])));
    const found = Object.entries(accountTables).filter(([name]) => isThere(name));
    return accountOf(
      new Map(found.map(([name, wanted]) => [
        name as AccountTable,
        prepare(copy, `SELECT ${wanted.join(", ")} FROM ${name}`).all() as readonly AccountRow[],
      ])),
    );
  });
}

async function proveHere(path: string, options: ProofOptions): Promise<BackupContent> {
  await checkHere({ path, pragma: options.isQuick ? "quick_check" : "integrity_check" });
  return await readHere(path, options);
}

/** How much of a proof is done when all rows are read: the check of the indexes takes longer, and says nothing. */
const readShare = 0.6;

async function proveApart(
  path: string,
  { signal, onProgress, isQuick = false }: ProofOptions,
): Promise<BackupContent> {
  const onRead = isQuick ? onProgress : (share: number) => onProgress?.(readShare * share);
  const read: ReadJob = { verb: "read", path };
  const check: CheckJob = { verb: "check", path, pragma: isQuick ? "quick_check" : "integrity_check" };
  const [content] = await together(signal, (signal) => {
    const options = { signal, leave: stoppedBackup };
    return [runApart<BackupContent>(read, { ...options, onProgress: onRead }), runApart(check, options)];
  });
  return content;
}

/** Has SQLite check a copy, in the thread that calls it. */
export function checkHere({ path, pragma }: Pick<CheckJob, "path" | "pragma">): Promise<void> {
  return withCopy(path, (copy) => {
    // It reads pages in any order and more than once: mapped, they take half the time. What cannot be read of a mapped file
    // ends the process, but the copy was just written, or read to its end.
    execute(copy, `PRAGMA mmap_size = ${mostMappedBytes}`);
    // In kB. Looking up each row in the indexes is what takes the time, less so when pages beyond that stay.
    execute(copy, "PRAGMA cache_size = -49152");
    const problems = prepare(copy, `PRAGMA ${pragma}(10)`).all()
      .map((row) => String(Object.values(row)[0])).filter((problem) => problem !== "ok");
    if (problems.length > 0) throw notWhole(path, problems[0]!.split("\n", 1)[0]!, undefined, problems);
  });
}

/** Reads all rows of a copy, in the thread that calls it. */
export function readHere(path: string, options: ReadOptions): Promise<BackupContent> {
  return withCopy(path, (copy) => readContent(copy, options));
}

async function withCopy<T>(path: string, work: (copy: DatabaseSync) => Promise<T> | T): Promise<T> {
  try {
    const copy = openImmutable(path);
    try {
      return await work(copy);
    } catch (error) {
      const part = foreignPart(String(messageOf(error)));
      if (part === null) throw error;
      const definitions = prepare(copy, definitionsQuery).all() as unknown as {
        table: string;
        sql: string;
      }[];
      throw foreignPartError(`prove "${basename(path)}"`, part, definitions);
    } finally {
      copy.close();
    }
  } catch (error) {
    throw error instanceof HarborError ? error : notWhole(path, String(messageOf(error)), error);
  }
}

function notWhole(path: string, state: string, cause?: unknown, problems?: readonly string[]): HarborError {
  return new HarborError("backup_failed", `Cannot prove "${basename(path)}": ${state}`, {
    hint: "Look whether the database itself is damaged: harbor-db verify --only integrity",
    ...(problems === undefined ? {} : { details: { problems } }),
    cause,
  });
}
