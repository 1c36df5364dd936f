import { defaultUrl } from "../profile/default_url.ts";
import { flag, number, text, type Values } from "./options.ts";

/** The settings of a machine. */
export const defaultConfig = "/etc/harbor-db/harbor-db.toml";

/** The options that every command takes. */
export const globalOptions = {
  databaseUrl: text("--database-url <url>", `the database; else DATABASE_URL, else ${defaultUrl}`),
  databaseUrlFile: text("--database-url-file <file>", "the file that says it (also DATABASE_URL_FILE)"),
  config: text("--config <file>", `the file with settings (${defaultConfig})`),
  database: text("--database <name>", "one of the databases that it names"),
  dir: text("--dir <dir>", "the drizzle/ folder to take the history from, instead of the one built in"),
  json: flag("--json", "print one JSON document on stdout"),
  quiet: flag("-q, --quiet", "print errors only"),
  noColor: flag("--no-color", "no colours (also NO_COLOR)"),
  yes: flag("-y, --yes", "go on without asking"),
  trustOwner: flag(
    "--trust-owner",
    "run what the tables' owner wrote (triggers, functions) with this role's rights (PostgreSQL)",
  ),
  lockWait: number("--lock-wait <seconds>", "how long to wait for another harbor-db", 60),
};

/** The option of commands that can be run for every database of the file of settings. */
export const allOption = {
  all: flag("--all", "for each database that the file of settings names, one after the other"),
};

export type GlobalValues = Values<typeof globalOptions>;
