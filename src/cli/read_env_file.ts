import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { type Environment, parseEnvFile } from "../base/env_file.ts";
import { HarborError } from "../base/errors.ts";
import { readRegularFile } from "../base/files/regular_file.ts";
import { writtenText } from "../base/files/written_text.ts";

/** What the `.env` file in the working directory says about the database. */
export interface AddressFile {
  readonly values: Readonly<Record<string, string>>;
  /** What the user should know. */
  readonly remarks: readonly string[];
  /** Why it may not say all that it was meant to; `null` when it does, or when there is none. */
  readonly problem: string | null;
}

/**
 * The variables that are taken: those that say where the database is and how to get in. Whoever may write the folder
 * must not answer questions for the user, choose files to overwrite or name programs to run.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-envars.html
 */
const taken = /^(DATABASE_URL|LIBSQL_AUTH_TOKEN|PG[A-Z_]+)$/;

/** A longer file is no `.env`. */
const mostBytes = 1024 * 1024;

/** Reads the `.env` file of a folder. Never throws and never waits, whatever stands there. */
export function readEnvFile(folder: string, environment: Environment): AddressFile {
  const path = join(folder, ".env");
  let text: string | undefined;
  try {
    const bytes = readRegularFile(path, mostBytes);
    text = bytes &&
      writtenText(
        bytes,
        (state) => new HarborError("bad_config", `Cannot read ".env": ${state}; save it as UTF-8`),
      );
  } catch (error) {
    return { values: {}, remarks: [], problem: (error as Error).message };
  }
  if (text === undefined) return { values: {}, remarks: [], problem: brokenLink(path) };
  const { values, unreadable } = parseEnvFile(text, environment);
  const names = Object.keys(values);
  const options = names.filter((name) => name.startsWith("HARBOR_DB_"));
  const lines = unreadable.map((line) => `.env:${line} cannot be read`);
  return {
    values: Object.fromEntries(Object.entries(values).filter(([name]) => taken.test(name))),
    remarks: options.length === 0 ? [] : [
      `.env sets ${options.join(", ")}: it gives the database's address only, set options in the environment`,
    ],
    problem: lines.length === 0 ? null : `Cannot read "${path}": ${lines.join(", ")}`,
  };
}

/** A link says that there is to be a file: without it the address would be another one than was meant. */
function brokenLink(path: string): string | null {
  try {
    return `Cannot read "${path}": it is a link to "${readlinkSync(path)}", and there is no such file`;
  } catch {
    return null;
  }
}
