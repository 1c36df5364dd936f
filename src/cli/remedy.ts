import type { Environment } from "../base/env_file.ts";
import { quoteForShell } from "../base/quote_shell.ts";
import { variableOf } from "./options.ts";
import { parseDatabaseUrl } from "../base/url/database_url.ts";
import { keyVariables } from "../base/url/secret_variables.ts";
import type { UserFiles } from "../base/url/postgres_files.ts";

/** What a remedy is completed with. */
export interface RemedySources {
  /** What stands on the command line, by long name. */
  readonly given: ReadonlyMap<string, string | true>;
  readonly environment: Environment;
  readonly files: UserFiles;
  /** The names of the commands that a remedy may name. */
  readonly commands: readonly string[];
}

/** Commands that know nothing of backups. */
const withoutBackups = /^(?:current|history|stamp|generate|create|drop|squash|check|rebase)$/;

/** Commands that can read them from another place. */
const withSource = /^(?:restore|backup (?:list|verify|delete|prune))$/;

/** Commands that make one. */
const withCopies = /^(?:upgrade|downgrade|adopt|backup|restore)$/;

/**
 * Returns what completes a remedy: behind each command that it names come the options of this command line that say
 * where the database, the history and the backups are (also where they are read from), whose copies may be read by whom, and whether the owner is
 * trusted, so that it is pasted as it is. A URL that holds a secret stands there as it may be shown.
 */
export function remedyOf({ given, environment, files, commands }: RemedySources): (text: string) => string {
  const option = (name: string, shown = (text: string): string | null => text) => {
    const [written, set] = [given.get(name), environment[variableOf(name)]];
    // A URL without the secret that the variable holds would lead nowhere.
    const whole = set !== undefined && shown(set) === set ? set : null;
    const value = typeof written === "string" ? shown(written) : whole;
    return value === null ? "" : ` --${name} ${quoteForShell(value)}`;
  };
  const recipients = given.get("encrypt-to");
  const named = option("database");
  const url = option("database-url", (text) => shownUrl(text, environment, files)) +
    option("database-url-file");
  const places = (named === "" ? url : "") + option("config") + named + option("dir") +
    (given.has("trust-owner") ? " --trust-owner" : "");
  const backups = option("backup-dir");
  const copies = backups + option("backup-engine") + option("compress") +
    (typeof recipients === "string" ? recipients.split("\n") : [])
      .map((recipient) => ` --encrypt-to ${quoteForShell(recipient)}`).join("");
  const from = option("from");
  if (places + copies + from === "") return (text) => text;
  // "backup list" before "backup".
  const names = commands.toSorted((a, b) => b.length - a.length).join("|");
  return (text) =>
    text.replaceAll(
      new RegExp(`\\bharbor-db (${names})(?![\\w-])`, "g"),
      (command, name: string) =>
        command + places + (withCopies.test(name) ? copies : withoutBackups.test(name) ? "" : backups) +
        (withSource.test(name) ? from : ""),
    );
}

const keys: readonly string[] = keyVariables;

function shownUrl(text: string, environment: Environment, files: UserFiles): string | null {
  try {
    const known = Object.entries(environment).filter(([name]) => !keys.includes(name));
    const { hasSecret, display } = parseDatabaseUrl(text, Object.fromEntries(known), files);
    return hasSecret ? display : text;
  } catch {
    // What cannot be read may hold anything.
    return null;
  }
}
