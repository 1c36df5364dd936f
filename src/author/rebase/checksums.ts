import { sidesOf } from "../../base/merge_marks.ts";
import { checksumsIn, isStatementsKey, statementsKey } from "../../history/checksum_list.ts";

/**
 * Reads a list of checksums; of one that a merge left its marks in, what is right of both sides.
 *
 * @param sumOf Returns the checksum that a file has now; `null` of one that is not there
 */
export function mergedChecksums(
  text: string,
  sumOf: (path: string) => string | null,
): Map<string, string> {
  const sides = sidesOf(text);
  const [own, other] = [checksumsIn(sides[0]), checksumsIn(sides[1])];
  const merged = new Map<string, string>();
  for (const path of new Set([...own.keys(), ...other.keys()])) {
    const now = sumOf(path);
    // What only one side lists is new there, or went on the other.
    if (isStatementsKey(path) || (now === null && !(own.has(path) && other.has(path)))) continue;
    const side = own.get(path) === now || !other.has(path) ? own : other;
    for (const key of [path, statementsKey(path)]) {
      const sum = side.get(key);
      if (sum !== undefined) merged.set(key, sum);
    }
  }
  return merged;
}
