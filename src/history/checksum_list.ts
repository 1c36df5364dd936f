/**
 * The list that says what each script and snapshot was when it was written or last proven. It lies in the `drizzle/`
 * folder, in the format of `sha256sum`, so that `sha256sum -c SHA256SUMS` reads it as well.
 */
export const checksumListPath = "SHA256SUMS";

/** Checksums by path below `drizzle/`. */
export type Checksums = ReadonlyMap<string, string>;

/** Reads the list. Lines of another form are passed over. */
export function parseChecksums(text: string): Checksums {
  const lines = text.split(/\r?\n/).map((line) => /^([0-9a-f]{64}) [ *](.+)$/.exec(line));
  return new Map(lines.flatMap((match) => match === null ? [] : [[match[2]!, match[1]!] as const]));
}

/** Returns the text of the list, by path. */
export function renderChecksums(checksums: Checksums): string {
  const lines = [...checksums].toSorted(([a], [b]) => a < b ? -1 : 1).map(([path, sum]) =>
    `${sum}  ${path}\n`
  );
  return lines.join("");
}
