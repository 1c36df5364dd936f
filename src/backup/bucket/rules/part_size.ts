const mebibyte = 1024 * 1024;

/** What is no longer goes in one request. */
export const usualPart = 16 * mebibyte;

/** The most parts that a service takes. */
const mostParts = 10_000;

/**
 * Returns how long the parts of a file are: as short as its number of parts allows, since each is held in memory.
 *
 * @param least What they are at least
 */
export function partSize(bytes: number, least: number): number {
  return Math.max(least, Math.ceil(bytes / mostParts / mebibyte) * mebibyte);
}
