import type { Dialect } from "../base/dialect.ts";
import { createHash } from "node:crypto";
import { HarborError } from "../base/errors.ts";
import { markedFile } from "../base/merge_marks.ts";
import { tokensOf } from "../sql/cursor.ts";
import { coveredFolder, type History, journalPath, scriptChecksum } from "./history.ts";
import { parseScript } from "./scripts/script.ts";

/**
 * The list that says what each script and snapshot was when it was written or last proven. It lies in the `drizzle/`
 * folder, in the format of `sha256sum`, so that `sha256sum -c SHA256SUMS` reads it as well. What was never proven is not
 * in it. A line that begins with `#`, which those programs pass over, is of a script's statements alone.
 */
export const checksumListPath = "SHA256SUMS";

/** Checksums by path below `drizzle/`; those of statements by {@link statementsKey}. */
export type Checksums = ReadonlyMap<string, string>;

const mark = "# ";

/** Returns the key of the checksum of a script's statements, which its comments do not change. */
export function statementsKey(path: string): string {
  return mark + path;
}

/** Says whether a key of the list is one of {@link statementsKey}. */
export function isStatementsKey(key: string): boolean {
  return key.startsWith(mark);
}

/**
 * Reads the list.
 *
 * @throws {HarborError} `bad_history` when a merge left its marks in it
 */
export function parseChecksums(text: string): Map<string, string> {
  const marked = markedFile(checksumListPath, text);
  if (marked !== null) throw marked;
  return checksumsIn(text);
}

/** Reads the lines of a list. Those of another form are passed over. */
export function checksumsIn(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).map((line) => /^(# )?([0-9a-f]{64}) [ *](.+)$/.exec(line));
  return new Map(
    lines.flatMap((match) => match === null ? [] : [[`${match[1] ?? ""}${match[3]!}`, match[2]!] as const]),
  );
}

/** Returns the text of the list, by path. */
export function renderChecksums(checksums: Checksums): string {
  const lines = [...checksums].map(([key, sum]) => {
    const isMarked = isStatementsKey(key);
    const path = isMarked ? key.slice(mark.length) : key;
    return { order: `${path}\n${isMarked}`, line: `${isMarked ? mark : ""}${sum}  ${path}\n` };
  });
  return lines.toSorted((a, b) => a.order < b.order ? -1 : 1).map(({ line }) => line).join("");
}

/** Returns the files of a history of which a list has the checksums, by path below its folder. */
export function listedFiles({ revisions, covered }: History): readonly string[] {
  const inner = covered === undefined ? [] : [journalPath, ...covered.flatMap(({ files }) => files)];
  return [...revisions.flatMap(({ files }) => files), ...inner.map((path) => `${coveredFolder}/${path}`)];
}

/** Puts a file into a list as it is. */
export function listFile(
  checksums: Map<string, string>,
  { dialect, path, text }: { readonly dialect: Dialect; readonly path: string; readonly text: string },
): void {
  unlistFile(checksums, path);
  checksums.set(path, scriptChecksum(text));
  const statements = path.endsWith(".sql") ? statementsChecksum(text, dialect) : null;
  if (statements !== null) checksums.set(statementsKey(path), statements);
}

/** Takes a file out of a list. */
export function unlistFile(checksums: Map<string, string>, path: string): void {
  checksums.delete(path);
  checksums.delete(statementsKey(path));
}

/** Keeps for a file that moves what the list says of it. */
export function moveListed(checksums: Map<string, string>, from: string, to: string): void {
  for (const keyOf of [(path: string) => path, statementsKey]) {
    const sum = checksums.get(keyOf(from));
    if (sum !== undefined) checksums.set(keyOf(to), sum);
  }
  unlistFile(checksums, from);
}

/** Whether a script's comments are all that is not as the list says. */
export function isSameButComments(
  checksums: Checksums,
  { dialect, path, text }: { readonly dialect: Dialect; readonly path: string; readonly text: string },
): boolean {
  const listed = checksums.get(statementsKey(path));
  return listed !== undefined && checksums.has(path) && listed === statementsChecksum(text, dialect);
}

/** Returns the checksum of what a script does: its statements and how each runs; `null` when it cannot be read. */
function statementsChecksum(text: string, dialect: Dialect): string | null {
  try {
    const { statements } = parseScript({ file: "", dialect, text });
    const parts = statements.map(({ sql, run }) => [
      run.kind,
      ...run.kind === "backfill" ? [run.table, run.key] : [],
      tokensOf(sql, dialect).map((token) => token.text),
    ]);
    return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}
