import { statSync } from "node:fs";
import { readRegularText } from "../base/files/regular_file.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "../base/url/database_url.ts";
import type { UserFiles } from "../base/url/postgres_files.ts";
import type { System } from "./system.ts";

/** A longer one holds no passwords and no services. */
const mostBytes = 1024 * 1024;

/** Reads a database URL with what the user's environment and files add to it. */
export function readUrl(text: string, system: System): DatabaseUrl {
  return parseDatabaseUrl(text, system.environment, userFiles(system));
}

/** Returns the files of a user's that libpq reads. As it does, one that may not be read counts as none. */
export function userFiles({ homeFolder }: Pick<System, "homeFolder">): UserFiles {
  return {
    get home() {
      return homeFolder();
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
