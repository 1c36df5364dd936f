import { HarborError } from "../../base/errors.ts";
import { variableOf } from "../../cli/options.ts";
import type { SettingsFile, System } from "../../cli/system.ts";
import type { Config, Settings } from "./parse_config.ts";
import { type ConfigSources, readConfig } from "./read_config.ts";
import { urlNames } from "./setting_names.ts";

/** All variables that say where the database is. Whoever says one of them has said it. */
const urlVariables = [...urlNames.map(variableOf), "DATABASE_URL", "DATABASE_URL_FILE"];

/**
 * Returns the system with the file's settings in its environment, as the variables that stand for the same options. What the
 * command line and the environment say counts more, and all of them count more than `.env`. A database that is named has its
 * own settings, and is where these say.
 *
 * @throws {HarborError} `bad_config`, `unsafe_path`, `usage` for a name that it does not have
 */
export async function withConfig({ given, system }: ConfigSources): Promise<System> {
  const config = await readConfig({ given, system });
  const { environment, envFile } = system;
  const isOnLine = urlNames.some((each) => given.has(each));
  const name = given.get("database") ?? (isOnLine ? undefined : environment[variableOf("database")]);
  const settings = typeof name === "string" ? chosen(config, { name, given }) : config?.settings ?? {};
  const isOutside = urlVariables.some((each) =>
    environment[each] !== undefined && envFile.values[each] === undefined
  );
  const takesUrl = typeof name === "string" || (!isOnLine && !isOutside);
  const entries = Object.entries(settings).filter(([setting]) =>
    urlNames.includes(setting) ? takesUrl : environment[variableOf(setting)] === undefined
  );
  if (entries.length === 0 && !isOnLine) return { ...system, settingsFile: config && fileOf(config, {}) };
  // Who was said by another has nothing to say any more.
  const silenced = isOnLine || entries.some(([setting]) => urlNames.includes(setting)) ? urlVariables : [];
  const kept = Object.entries(Object.getOwnPropertyDescriptors(environment))
    .filter(([variable]) => !silenced.includes(variable));
  const values = Object.fromEntries(entries.map(([setting, text]) => [variableOf(setting), text]));
  const known: System["environment"] = Object.defineProperties({}, {
    ...Object.fromEntries(kept),
    ...Object.getOwnPropertyDescriptors(values),
  });
  const origins = entries.map(([setting]) => [variableOf(setting), `${setting} of "${config?.path}"`]);
  const settingsFile = config && fileOf(config, Object.fromEntries(origins));
  return { ...system, environment: known, settingsFile };
}

function fileOf({ path, databases }: Config, origins: SettingsFile["origins"]): SettingsFile {
  return { path, databases: [...databases.keys()], origins };
}

function chosen(
  config: Config | null,
  { name, given }: { readonly name: string; readonly given: ConfigSources["given"] },
): Settings {
  const said = urlNames.find((each) => given.has(each));
  if (said !== undefined) {
    throw new HarborError("usage", `Cannot take both --database and --${said}`, {
      state: "they say the same thing twice",
      hint: "Leave one of the two out.",
    });
  }
  const settings = config?.databases.get(name);
  if (settings === undefined) {
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
  if (urlNames.some((each) => each in settings)) return settings;
  throw new HarborError("bad_config", `Cannot find the database "${name}"`, {
    state: `"${config?.path}" does not say where it is`,
    hint: `Put database-url or database-url-file under [databases.${name}].`,
  });
}
