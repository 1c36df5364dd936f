import { defineCommand } from "../../cli/command.ts";
import { variableOf } from "../../cli/options.ts";
import type { System } from "../../cli/system.ts";
import { shownBucketAddress } from "../../backup/bucket/rules/address.ts";
import { shownAddress } from "../../hooks/shown_address.ts";
import { settingNames } from "./setting_names.ts";

/** Settings that say where the database is, of which the row of the database is made. */
const urlNames: readonly string[] = ["database-url", "database-url-file"];

/** Returns of a value what may be shown, by the names of settings that may hold a secret. */
const shown: Readonly<Record<string, (value: string) => string>> = {
  "ping": () => "(not shown)",
  "health-url": shownAddress,
  "copy-to": (value) => value === "none" ? value : shownBucketAddress(value),
};

export const configCommand = defineCommand({
  description:
    "What the command line says counts most, then the environment, then the file of settings (--config), then .env. A value that the commands would refuse is an error. Passwords and the addresses of monitors are not shown.",
  options: {},
  examples: [
    { line: "config", does: "what is in force" },
    { line: "config --database staging", does: "for one of the databases that the file names" },
  ],
  run: async (app) => {
    const { report, system } = app;
    const { checkSettings } = await import("./check_settings.ts");
    await checkSettings(system);
    const { path = null, databases = [] } = system.settingsFile ?? {};
    const settings = [
      { name: "database", value: app.databaseUrl().display, from: urlFrom(app.settings.databaseUrl, system) },
      ...settingNames.filter((name) => !urlNames.includes(name)).flatMap((name) => {
        const value = system.environment[variableOf(name)];
        if (value === undefined) return [];
        return [{
          name,
          value: (shown[name]?.(value) ?? value).replaceAll("\n", ", "),
          from: fromOf(variableOf(name), system),
        }];
      }),
    ];
    await report.table(
      ["setting", "value", "from"],
      settings.map(({ name, value, from }) => [name, value, from]),
    );
    if (databases.length > 0) report.line(`${path} names the databases ${databases.join(", ")}`);
    return { json: { file: path, databases, settings } };
  },
});

/** What the command line says has taken the place of every variable for the same. */
function urlFrom(url: string | undefined, system: System): string {
  const { environment, envFile } = system;
  const named = urlNames.map(variableOf).find((name) => environment[name] !== undefined);
  if (named !== undefined) return fromOf(named, system);
  if (url !== undefined) return "the command line";
  if (environment["DATABASE_URL"] === undefined) return "nothing says it";
  return envFile.values["DATABASE_URL"] === environment["DATABASE_URL"]
    ? ".env"
    : fromOf("DATABASE_URL", system);
}

function fromOf(variable: string, { settingsFile, secretFiles }: System): string {
  if (settingsFile !== null && variable in settingsFile.origins) return settingsFile.path;
  return secretFiles[variable] ?? variable;
}
