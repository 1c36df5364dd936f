import { HarborError } from "../../base/errors.ts";
import { variableOf } from "../../cli/options.ts";
import type { SettingsFile, System } from "../../cli/system.ts";
import { type Config, type ConfigSources, readConfig, type Settings } from "./read_config.ts";

/**
 * Returns the system with the file's settings in its environment, as the variables that stand for the same options. What the
 * environment itself says counts more, and both count more than `.env`. A database that is named has its own settings,
 * which count more than the environment where they say where it is.
 *
 * @throws {HarborError} `bad_config`, `unsafe_path`, `usage` for a name that it does not have
 */
export async function withConfig({ given, system }: ConfigSources): Promise<System> {
  const config = await readConfig({ given, system });
  const name = given.get("database") ?? system.environment[variableOf("database")];
  const settings = typeof name === "string" ? chosen(config, { name, given }) : config?.settings;
  if (config === null || settings === undefined) {
    return config === null ? system : { ...system, settingsFile: fileOf(config, {}) };
  }
  const { environment, envFile } = system;
  const isFromEnvFile = envFile.values["DATABASE_URL"] === environment["DATABASE_URL"];
  const isUrlOutside = !isFromEnvFile &&
    ["DATABASE_URL", "DATABASE_URL_FILE"].some((each) => environment[each] !== undefined);
  const entries = Object.entries(settings).filter(([setting]) => {
    const isUrl = /^database-url(-file)?$/.test(setting);
    if (isUrl && typeof name !== "string" && isUrlOutside) return false;
    return (isUrl && typeof name === "string") || environment[variableOf(setting)] === undefined;
  });
  const values = Object.fromEntries(entries.map(([setting, text]) => [variableOf(setting), text]));
  const origins = entries.map(([setting]) => [variableOf(setting), `${setting} of "${config.path}"`]);
  const known: System["environment"] = Object.defineProperties({}, {
    ...Object.getOwnPropertyDescriptors(environment),
    ...Object.getOwnPropertyDescriptors(values),
  });
  return { ...system, environment: known, settingsFile: fileOf(config, Object.fromEntries(origins)) };
}

function fileOf({ path, databases }: Config, origins: SettingsFile["origins"]): SettingsFile {
  return { path, databases: [...databases.keys()], origins };
}

function chosen(
  config: Config | null,
  { name, given }: { readonly name: string; readonly given: ConfigSources["given"] },
): Settings {
  const said = ["database-url", "database-url-file"].find((each) => given.has(each));
  if (said !== undefined) {
    throw new HarborError("usage", `Cannot take both --database and --${said}`, {
      state: "they say the same thing twice",
      hint: "Leave one of the two out.",
    });
  }
  const settings = config?.databases.get(name);
  if (settings !== undefined) return settings;
  const names = [...config?.databases.keys() ?? []];
  throw new HarborError("usage", `Cannot find the database "${name}"`, {
    state: config === null
      ? "there is no file of settings"
      : names.length === 0
      ? `"${config.path}" names none`
      : `"${config.path}" names ${names.join(", ")}`,
    hint: "Name it there: [databases.NAME]; or give its address: --database-url",
  });
}
