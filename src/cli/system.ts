import type { Client } from "../engines/database.ts";
import type { EmbeddedFiles } from "../history/read_history.ts";
import type { CommandHost } from "../hooks/run_command.ts";
import type { AddressFile } from "./read_env_file.ts";
import type { Sink } from "./output/sink.ts";
import type { SchemaHost } from "../hooks/schema_host.ts";

/** What was built: set by the build script, or by `main.ts` when it runs from source. */
export interface BuildInfo {
  readonly version: string;
  /** The short commit, with `-dirty` when the tree was; `null` when it is not known. */
  readonly commit: string | null;
  /** Loads the history that is built in; `null` when it is read from a folder. */
  readonly history: (() => Promise<EmbeddedFiles>) | null;
}

/** What a file of settings brought. */
export interface SettingsFile {
  readonly path: string;
  /** The names of the databases that it has settings for. */
  readonly databases: readonly string[];
  /** What the variables that stand for its settings are called in errors, by their names. */
  readonly origins: Readonly<Record<string, string>>;
}

/** The outside world, given by `main.ts` and by tests. */
export interface System {
  readonly build: BuildInfo;
  /** The runtime: `Bun 1.4.5`. */
  readonly runtime: string;
  readonly cwd: string;
  /** How to run this harbor-db again: the absolute path of a program, and its first arguments. */
  readonly program: readonly [string, ...string[]];
  /** The user's folder; `undefined` when neither the environment nor the list of users names one. */
  homeFolder(): string | undefined;
  /** The name of the user that this process runs as; `undefined` when the list of users does not have it. */
  userName(): string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Variables of the environment whose values came out of files, and the absolute paths of these. */
  readonly secretFiles: Readonly<Record<string, string>>;
  /** What is to be said of the `.env` file, whose variables are in the environment already. */
  readonly envFile: AddressFile;
  /** The file of settings that is in the environment already; `null` without one. */
  readonly settingsFile: SettingsFile | null;
  /** The history's folder when none is built in and none is named. */
  readonly defaultDir: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Whether questions can be asked: stdin and stderr are terminals. */
  readonly isInteractive: boolean;
  /** Asks on stderr and returns the line that was typed. */
  ask(question: string): Promise<string>;
  /** Aborted by the first Ctrl-C or SIGTERM, and by what a project's code leaves running. */
  readonly signal: AbortSignal;
  readonly schemaHost: SchemaHost;
  readonly client: Client;
  /** Where commands of the operator's are run. */
  readonly commandHost: CommandHost;
}
