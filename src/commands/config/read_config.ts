import { closeSync, fstatSync, readFileSync, type Stats } from "node:fs";
import { resolve } from "node:path";
import { HarborError } from "../../base/errors.ts";
import { openRegularFile } from "../../base/files/regular_file.ts";
import { writtenText } from "../../base/files/written_text.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { defaultConfig } from "../../cli/global_options.ts";
import { currentUser } from "../../base/files/open_folder.ts";
import { variableOf } from "../../cli/options.ts";
import type { System } from "../../cli/system.ts";
import type { Config } from "./parse_config.ts";
import { badConfig } from "./bad_config.ts";

/** Where the file is looked for: the words of the command line and the environment. */
export interface ConfigSources {
  readonly given: ReadonlyMap<string, string | true>;
  readonly system: System;
}

const mostBytes = 1024 * 1024;

/**
 * Reads the file of settings: the one that is named, else the machine's own where there is one. Nobody else may be able to
 * write it: it says which files are written and where secrets go.
 *
 * @returns `null` when none is named and the machine has none
 * @throws {HarborError} `bad_config` for what it cannot hold, `unsafe_path` when others may write it
 */
export async function readConfig({ given, system }: ConfigSources): Promise<Config | null> {
  const named = given.get("config") ?? system.environment[variableOf("config")];
  const isNamed = typeof named === "string";
  const path = isNamed ? resolve(system.cwd, named) : defaultConfig;
  const file = openConfig(path, isNamed);
  if (file === undefined) {
    if (isNamed) throw badConfig(path, "there is no such file");
    return null;
  }
  try {
    refuseUnsafe(path, fstatSync(file));
    const text = writtenText(readFileSync(file), (state) => badConfig(path, state));
    const { parseConfig } = await import("./parse_config.ts");
    return await parseConfig(text, path);
  } finally {
    closeSync(file);
  }
}

/** Opens the file, of which the machine's own may be kept from this user. */
function openConfig(path: string, isNamed: boolean): number | undefined {
  try {
    return openRegularFile(path);
  } catch (error) {
    const isForbidden = error instanceof HarborError &&
      (error.cause as NodeJS.ErrnoException | undefined)?.code === "EACCES";
    if (isNamed || !isForbidden) throw error;
    return undefined;
  }
}

function refuseUnsafe(path: string, { uid, mode, size }: Stats): void {
  if (size > mostBytes) {
    throw badConfig(path, `it is ${size} bytes long, more than the ${mostBytes} that it may be`);
  }
  const user = currentUser();
  // Windows has neither.
  if (user === undefined || ((uid === user || uid === 0) && (mode & 0o022) === 0)) return;
  throw new HarborError("unsafe_path", `Cannot take settings from "${path}"`, {
    state: "others may write it",
    hint: `As its owner: chmod go-w ${quoteForShell(path)}; it has to be yours or root's.`,
  });
}
