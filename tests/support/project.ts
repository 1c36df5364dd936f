import { fileURLToPath } from "node:url";

/** Returns the absolute path of a file of the project, whatever the working directory is. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
