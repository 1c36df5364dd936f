import { closeSync, fstatSync, readFileSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { HarborError } from "../../base/errors.ts";
import { listOf, readAs, recordOf, type WrongJson } from "../../base/json_schema.ts";
import { openRegularFile } from "../../base/files/regular_file.ts";
import { writtenText } from "../../base/files/written_text.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { defaultConfig } from "../../cli/global_options.ts";
import { currentUser } from "../../base/files/open_folder.ts";
import { variableOf } from "../../cli/options.ts";
import type { System } from "../../cli/system.ts";
import { pathNames, settingNames, urlNames } from "./setting_names.ts";

/** A file of settings. */
export interface Config {
  readonly path: string;
  /** By the long names of options, as the command line would have them. */
  readonly settings: Settings;
  /** The same for each database that it names; what one does not say, it has from the others. */
  readonly databases: ReadonlyMap<string, Settings>;
}

export type Settings = Readonly<Record<string, string>>;

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

const value = v.union(
  [v.string(), v.number(), v.boolean(), listOf(v.string())],
  "is no text, number, truth or list of texts",
);
const form = recordOf(value);
const databasesForm = v.object({ databases: v.optional(recordOf(form), {}) });

/** Reads the text of a file of settings. */
export async function parseConfig(text: string, path: string): Promise<Config> {
  const { parse } = await import("smol-toml");
  let parsed: Record<string, unknown>;
  try {
    parsed = parse(text);
  } catch (error) {
    throw badConfig(path, (error as Error).message.split("\n")[0]!);
  }
  const wrong: WrongJson = (field, state) =>
    badConfig(path, `${field === "" ? "it" : `"${field}"`} ${state}`);
  const { databases: _, ...rest } = parsed;
  const { databases } = readAs(databasesForm, parsed, wrong);
  const own = readAs(form, rest, wrong);
  const folder = dirname(path);
  const merged = (table: Settings): Settings => {
    const isPlaced = urlNames.some((each) => each in table);
    const common = Object.entries(settings).filter(([name]) => !isPlaced || !urlNames.includes(name));
    return { ...Object.fromEntries(common), ...table };
  };
  const settings = settingsOf(own, { path, folder });
  return {
    path,
    settings,
    databases: new Map(
      Object.entries(databases).map((
        [name, table],
      ) => [name, merged(settingsOf(table, { path, folder }))]),
    ),
  };
}

type Value = v.InferOutput<typeof value>;

function settingsOf(
  table: Readonly<Record<string, unknown>>,
  { path, folder }: { readonly path: string; readonly folder: string },
): Settings {
  if (urlNames.every((each) => each in table)) {
    throw badConfig(path, `it says both ${urlNames.join(" and ")}, which say the same thing twice`);
  }
  return Object.fromEntries(
    Object.entries(table as Record<string, Value>).map(([name, value]) => {
      if (!settingNames.includes(name)) throw unknownName(name, path);
      const text = Array.isArray(value) ? value.join("\n") : String(value);
      return [name, pathNames.includes(name) ? resolve(folder, text) : text];
    }),
  );
}

function unknownName(name: string, path: string): HarborError {
  const [nearest] = settingNames.map((each) => [distance(name, each), each] as const)
    .toSorted(([a], [b]) => a - b);
  const meant = nearest !== undefined && nearest[0] <= 3 ? `; did you mean ${nearest[1]}?` : "";
  return badConfig(path, `it has no setting "${name}"${meant}`, `Known are ${settingNames.join(", ")}.`);
}

/** Returns in how many letters two words differ: letters put in, left out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

function badConfig(path: string, state: string, hint?: string): HarborError {
  return new HarborError("bad_config", `Cannot read the settings in "${path}"`, {
    state,
    ...hint === undefined ? {} : { hint },
  });
}
