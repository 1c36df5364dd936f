import { dirname } from "node:path";

/** Returns a folder and those that it is in, the innermost first. */
export function* upwards(start: string): Generator<string> {
  for (let folder = start;; folder = dirname(folder)) {
    yield folder;
    if (dirname(folder) === folder) return;
  }
}
