import { statSync } from "node:fs";
import { join } from "node:path";
import { readRegularText } from "../base/files/regular_file.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "../base/url/database_url.ts";
import { noFiles, type UserFiles } from "../base/url/postgres_files.ts";
import { isOurs } from "./find_project.ts";
import type { System } from "./system.ts";

type Surroundings = Pick<System, "homeFolder" | "envFile" | "cwd">;

/** A longer one holds no passwords and no services. */
const mostBytes = 1024 * 1024;

/** Reads a database URL with what the user's environment and files add to it. */
export function readUrl(text: string, system: System): DatabaseUrl {
  return parseDatabaseUrl(text, system.environment, userFiles(system));
}

/**
 * Returns the files of a user's that libpq reads. As it does, one that may not be read counts as none. Nor does any for an
 * address that somebody else's `.env` may have a part in: it would send the passwords where that one wants them.
 */
export function userFiles({ homeFolder, envFile, cwd }: Surroundings): UserFiles {
  const isNamed = Object.keys(envFile.values).length > 0;
  if (isNamed && !(isOurs(cwd) && isOurs(join(cwd, ".env")))) return noFiles;
  return {
    get home() {
      return homeFolder();
    },
    isThere(path) {
      try {
        return statSync(path, { throwIfNoEntry: false }) !== undefined;
      } catch {
        return false;
      }
    },
    read(path) {
      try {
        const text = readRegularText(path, mostBytes);
        return text === undefined ? undefined : { text, isOpen: (statSync(path).mode & 0o077) !== 0 };
      } catch {
        return undefined;
      }
    },
  };
}
