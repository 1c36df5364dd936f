import type { BackupEngineName } from "../../engines/backup/content.ts";
import type { Compression } from "./manifest.ts";

/** What the beginning of a file says that it is: a copy, or something in which there may be one. */
export type FileKind =
  | { readonly copy: BackupEngineName; readonly words: string }
  | { readonly compression: Compression }
  | { readonly encryption: "age" };

/** How many bytes of a file say what it is. */
export const beginningBytes = 64;

const beginnings: readonly (readonly [text: string, kind: FileKind])[] = [
  // https://www.sqlite.org/fileformat.html
  ["SQLite format 3\0", { copy: "sqlite", words: "a SQLite file" }],
  ["PGDMP", { copy: "pg_dump", words: "an archive of pg_dump" }],
  ["-- harbor-db backup {", { copy: "harbor", words: "a copy of harbor-db's own format" }],
  ["age-encryption.org/v1\n", { encryption: "age" }],
  ["\x28\xb5\x2f\xfd", { compression: "zstd" }],
  ["\x1f\x8b", { compression: "gzip" }],
];

/** Returns what a file is that begins so; `null` for nothing that is known. */
export function fileKindOf(beginning: Uint8Array): FileKind | null {
  const text = String.fromCharCode(...beginning.subarray(0, beginningBytes));
  return beginnings.find(([start]) => text.startsWith(start))?.[1] ?? null;
}
