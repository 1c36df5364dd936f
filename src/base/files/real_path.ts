import { readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Returns the path of the file itself, by whichever link it is reached; as it is given where there is no such file. */
export function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    return absolute;
  }
}

/** Returns what a link leads to, whether that is there or not; any other path as it is. */
export function throughLink(path: string): string {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return path;
  }
}
