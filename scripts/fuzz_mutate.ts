import { Buffer } from "node:buffer";
import type { Seeded } from "../tests/support/seeded.ts";

/** What stands in the place of something, or gets in between. */
const oddities = [
  "",
  "\0",
  "\n",
  "\r",
  "'",
  '"',
  "`",
  "\\",
  "%00",
  "%",
  "=",
  "@",
  ":",
  "/",
  "#",
  "?",
  "$(id)",
  "${HOME}",
  "\u001b[31m",
  "\u202e",
  "\ufeff",
  "🌊",
  "-1",
  "0",
  "9007199254740993",
  "1e999",
  "NaN",
  "null",
  "{}",
  "[]",
  "{",
  "../",
  "--",
  "x".repeat(3000),
] as const;

/** Changes a text in up to three places: takes away, puts in, doubles. */
export function mutateText(text: string, random: Seeded, words: readonly string[] = oddities): string {
  let changed = text;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(changed.length + 1);
    const end = at + random.below(random.oneOf([1, 2, 8, 40]));
    const middle = random.oneOf([
      "",
      random.oneOf(words),
      random.oneOf(oddities),
      changed.slice(at, end).repeat(2),
      String.fromCharCode(random.below(256)),
    ]);
    changed = changed.slice(0, at) + middle + changed.slice(end);
  }
  return changed;
}

/** Changes bytes; now and then it cuts them off. */
export function mutateBytes(bytes: Uint8Array, random: Seeded): Uint8Array {
  const changed = Buffer.from(bytes);
  if (changed.length === 0) return changed;
  for (let times = 1 + random.below(4); times > 0; times--) {
    changed[random.below(changed.length)] = random.oneOf([0, 0xff, random.below(256)]);
  }
  return random.below(5) === 0 ? changed.subarray(0, random.below(changed.length)) : changed;
}

/** Changes one place of a JSON value, however deep. */
export function mutateJson(value: unknown, random: Seeded): unknown {
  if (typeof value !== "object" || value === null || random.below(12) === 0) {
    return random.oneOf<unknown>([
      null,
      true,
      0,
      -1,
      1e300,
      2 ** 53,
      [],
      {},
      "",
      [null],
      { length: 1 },
      ...typeof value === "string"
        ? [mutateText(value, random), `${value}${value}`, "1970-01-01T00:00:00Z"]
        : [],
    ]);
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return random.oneOf<unknown>([null, 7, { a: 1 }, ["a"]]);
  const [key, inner] = random.oneOf(entries);
  const kept = entries.filter(([name]) => name !== key);
  const change = random.below(6);
  const changed: (readonly [string, unknown])[] = change === 0
    ? kept
    : change === 1
    ? [...entries, [mutateText(key, random), inner]]
    : entries.map(([name, each]) => [name, name === key ? mutateJson(each, random) : each]);
  if (!Array.isArray(value)) return Object.fromEntries(changed);
  return changed.map(([, each]) => each);
}

/** Changes JSON as a value, or as the text that it is. */
export function mutateJsonText(text: string, random: Seeded): string {
  if (random.below(3) === 0) return mutateText(text, random);
  try {
    return JSON.stringify(mutateJson(JSON.parse(text), random));
  } catch {
    return mutateText(text, random);
  }
}
