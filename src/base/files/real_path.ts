import { realpathSync } from "node:fs";
import { resolve } from "node:path";

/** Returns the path of the file itself, by whichever link it is reached; as it is given where there is no such file. */
export function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    return absolute;
  }
}
