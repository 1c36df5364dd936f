import { resolve } from "node:path";
import { HarborError } from "../../base/errors.ts";
import { readRegularFile } from "../../base/files/regular_file.ts";
import { writtenText } from "../../base/files/written_text.ts";
import { bucketKeyVariables, keyVariables } from "../../base/url/secret_variables.ts";
import type { GlobalValues } from "../../cli/global_options.ts";
import type { System } from "../../cli/system.ts";

/**
 * Variables whose values are secrets: each may be in a file instead, which the variable with `_FILE` behind its name
 * names. Containers and systemd (`LoadCredential=`) hand secrets over so.
 */
const secretVariables: readonly string[] = [
  "DATABASE_URL",
  ...keyVariables,
  ...bucketKeyVariables,
  "HARBOR_DB_TO",
  "HARBOR_DB_PING",
  "HARBOR_DB_PROVE_URL",
];

/** A longer file holds no secret. */
const mostBytes = 64 * 1024;

/**
 * Returns the system with the variables whose values are in files. What `.env` says of one counts less than the file.
 *
 * @throws {HarborError} `bad_config` for a file that cannot be read or holds nothing, and for a variable that is said twice
 */
export function withSecretFiles(system: System): System {
  const { cwd, environment, envFile } = system;
  const named = secretVariables.filter((name) => environment[`${name}_FILE`] !== undefined);
  if (named.length === 0) return system;
  const secretFiles: Record<string, string> = {};
  const values: Record<string, string> = {};
  for (const name of named) {
    const variable = `${name}_FILE`;
    const isSaidTwice = environment[name] !== undefined && envFile.values[name] === undefined;
    if (isSaidTwice) {
      throw new HarborError("bad_config", `Cannot take both ${name} and ${variable}`, {
        state: "they say the same thing twice",
        hint: `Leave one of the two out: unset ${name}`,
      });
    }
    secretFiles[name] = resolve(cwd, environment[variable]!);
    values[name] = readSecret(secretFiles[name]!, variable);
  }
  // Getters are asked when they are needed, not now.
  const known: System["environment"] = Object.defineProperties({}, {
    ...Object.getOwnPropertyDescriptors(environment),
    ...Object.getOwnPropertyDescriptors(values),
  });
  return { ...system, environment: known, secretFiles };
}

/**
 * Returns the settings with the address that `--database-url-file` leads to.
 *
 * @throws {HarborError} `usage` beside `--database-url`, `bad_config`
 */
export function withUrlFile(settings: GlobalValues, { cwd }: System): GlobalValues {
  const { databaseUrlFile, databaseUrl } = settings;
  if (databaseUrlFile === undefined) return settings;
  if (databaseUrl !== undefined) {
    throw new HarborError("usage", "Cannot take both --database-url and --database-url-file", {
      state: "they say the same thing twice",
      hint: "Leave one of the two out.",
    });
  }
  return { ...settings, databaseUrl: readSecret(resolve(cwd, databaseUrlFile), "--database-url-file") };
}

function readSecret(path: string, variable: string): string {
  const refusal = (state: string, hint?: string) =>
    new HarborError("bad_config", `Cannot read "${path}", which ${variable} names`, { state, hint });
  const bytes = readRegularFile(path, mostBytes);
  if (bytes === undefined) throw refusal("there is no such file");
  const text = writtenText(bytes, (state) => refusal(state, "Save it as UTF-8.")).replace(/(?:\r?\n)+$/, "");
  if (text.includes("\n")) {
    throw refusal("it has more than one line", "Leave nothing in it but the value, on one line.");
  }
  if (text.trim() !== "") return text;
  throw refusal("it is empty");
}
