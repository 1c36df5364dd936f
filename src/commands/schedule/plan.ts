import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { globalOptions } from "../../cli/global_options.ts";
import { defaultUrl } from "../../profile/default_url.ts";
import { authorityVariable } from "../../base/certificate.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import { writtenPath } from "../../base/url/sqlite_url.ts";
import { bucketKeyVariables, keyVariables } from "../../base/url/secret_variables.ts";
import { bucketVariables, parseBucketAddress } from "../../backup/bucket/rules/address.ts";
import { HarborError } from "../../base/errors.ts";
import type { UnitPlan } from "../../verify/schedule/systemd_units.ts";
import { selectChecks } from "../../verify/checks/all.ts";
import { backupCheck } from "../../verify/checks/backup.ts";
import { currentUser } from "../../base/files/open_folder.ts";
import { throughLink } from "../../base/files/real_path.ts";
import type { App } from "../../cli/app.ts";
import type { System } from "../../cli/system.ts";
import { backupFolder, backupOptions, keepOptions } from "../backup/options.ts";
import { environmentName, longName, type Option, type Values } from "../../cli/options.ts";
import type { ServiceValues } from "./service_options.ts";
import { verifyOptions, type VerifyValues } from "../verify/options.ts";
import type { Output } from "./refuse_user.ts";

/** Of the units, without and with a backup. Both keep their log in one place. */
const defaultNames = ["harbor-db-verify", "harbor-db-nightly"] as const;

/** What `schedule` was told beside the options of `verify`. */
export interface ScheduleValues
  extends ServiceValues, VerifyValues, Values<typeof backupOptions & typeof keepOptions> {
  readonly uninstall: boolean;
  readonly backup: boolean;
  readonly cron: boolean;
  readonly install: boolean;
  readonly dryRun: boolean;
  readonly name: string | undefined;
  readonly unitDir: string | undefined;
  readonly envFile: string | undefined;
}

/** What a schedule is made of. */
export interface SchedulePlan extends UnitPlan {
  /** Where the units go. */
  readonly unitDir: string;
  /** Paths that the run looks at, and the program. */
  readonly checked: readonly string[];
  /** What the run writes, beside what is in folders that are still to be made: that of the backups, and systemd's. */
  readonly outputs: readonly Output[];
  /** The folder of backups, where it is still to be made. */
  readonly missingBackups: string | null;
  /** Names and values of the variables that belong into the file of secrets; empty without any. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Works out what a schedule of `verify` is made of, from this program, this configuration and this host.
 *
 * @throws {HarborError} `usage` for a name that cannot be, `bad_config` for the address of a bucket that cannot
 */
export function planSchedule(app: App, options: ScheduleValues): SchedulePlan {
  const { system } = app;
  const url = app.databaseUrl();
  const isRoot = currentUser() === 0;
  const name = options.name ?? defaultNames[options.backup ? 1 : 0];
  if (!/^\w[\w.:-]*$/.test(name)) {
    throw new HarborError("usage", `Cannot name units "${name}": use letters, digits, "-", "_", "." and ":"`);
  }
  if (goesToBucket(options)) parseBucketAddress(options.copyTo!, system.environment);
  const secrets = secretsOf(app, url, options);
  const hasSecrets = Object.keys(secrets).length > 0;
  const absolute = (path: string) => resolve(system.cwd, path);
  const backups = backupFolder(app, url, options);
  const checksBackups = selectChecks(options.only, options.skip).includes(backupCheck);
  const file = url.isFile ? resolve(system.cwd, url.path) : "";
  // A file that the user keeps a secret in stays the only place that it is in.
  const { databaseUrlFile } = app.settings;
  const secretFiles = {
    ...databaseUrlFile === undefined ? {} : { HARBOR_DB_DATABASE_URL: absolute(databaseUrlFile) },
    ...Object.fromEntries(
      Object.entries(system.secretFiles).filter(([variable]) => isPassedOn(variable, app, options)),
    ),
  };
  const userFiles = Object.entries(url.files).map(([variable, path]) => [variable, absolute(path)] as const);
  const needsNetwork = !url.isFile || goesToBucket(options);
  const authority = needsNetwork ? system.environment[authorityVariable] : undefined;
  const inputs = [
    readsSettings(app) ? system.settingsFile!.path : undefined,
    app.historyDir(),
    options.identity,
    authority,
    ...userFiles.map(([, path]) => path),
  ]
    .flatMap((path) => path ? [absolute(path)] : []);
  const writesBackups = options.restoreDrill || options.backup;
  const files =
    ([["replace", options.report], ["replace", options.prometheus], ["append", options.log]] as const)
      // Of a link the folder that it leads to is written.
      .flatMap(([kind, path]) => path === undefined ? [] : [{ kind, path: throughLink(absolute(path)) }]);
  const folders = files.map(({ path }) => dirname(path));
  const user = isRoot
    ? options.user ?? ownerOf(url.isFile ? file : checksBackups ? backups : null)
    : undefined;
  // One with a name of its own has a log of its own.
  const stateFolder = defaultNames.some((each) => each === name)
    ? "harbor-db"
    : `harbor-db-${name.replace(/^harbor-db-/, "").replaceAll(":", "-")}`;
  /** Where the system's units have it: systemd makes it for their user. */
  const madeFolder = isRoot && !options.cron ? `/var/lib/${stateFolder}` : null;
  if (options.backup && user === null) {
    throw new HarborError("usage", "Cannot schedule backups for a user that systemd makes up", {
      state: "nobody else could read them, nor they be removed",
      hint: "Name one that may write the folder of backups: --user <name>",
    });
  }
  return {
    name,
    database: url.display,
    command: [...system.program, "verify", ...verifyArguments(app, options, backups)],
    backup: options.backup ? [...system.program, "backup", ...backupArguments(app, options, backups)] : null,
    environment: {
      ...saysUrl(app) || "DATABASE_URL" in secrets ? {} : { DATABASE_URL: writtenUrl(app, url) },
      ...variablesOf(url, system),
      ...Object.fromEntries(userFiles),
      ...authority ? { [authorityVariable]: absolute(authority) } : {},
      ...goesToBucket(options) ? serviceVariables(system) : {},
    },
    credentials: secretFiles,
    needsNetwork,
    environmentFile: options.envFile !== undefined
      ? absolute(options.envFile)
      : isRoot
      ? `/etc/harbor-db/${name}.env`
      : join(ownFolder(system, "--env-file"), "harbor-db", `${name}.env`),
    isEnvironmentFileOptional: !hasSecrets,
    stateFolder,
    at: timeOf(options.at, `${system.userName() ?? currentUser()} ${url.display} ${system.client.host}`),
    // What it may take, the wait for another run, and a minute for what comes after.
    timeoutSeconds: Math.ceil(options.maxDuration / 1_000) + app.settings.lockWait + 60 +
      (options.backup ? mostBackupSeconds : 0),
    user,
    missingBackups: options.backup && !existsSync(backups) ? backups : null,
    checked: [
      system.program[0],
      ...url.isFile ? [file] : [],
      ...checksBackups ? [backups] : [],
      ...inputs,
    ],
    outputs: [
      ...files.filter(({ path }) => dirname(path) !== madeFolder),
      ...writesBackups && existsSync(backups) ? [{ kind: "folder" as const, path: backups }] : [],
    ],
    reads: [
      ...readsOf(url, { system, writes: folders }),
      ...inputs,
      ...writesBackups ? [] : [backups],
    ],
    // A drill decodes the backup beside it.
    writes: [
      ...new Set([
        ...folders,
        ...writesBackups ? [backups] : [],
        // Whoever reads a database with a WAL writes beside it.
        ...options.backup && url.isFile ? [dirname(file)] : [],
      ]),
    ],
    onFailure: options.onFailure ?? null,
    unitDir: options.unitDir === undefined
      ? isRoot ? "/etc/systemd/system" : join(ownFolder(system, "--unit-dir"), "systemd", "user")
      : absolute(options.unitDir),
    secrets,
  };
}

/** Returns the folder of the user's own settings. */
function ownFolder(system: System, option: string): string {
  const home = system.homeFolder();
  if (home !== undefined) return join(home, ".config");
  throw new HarborError("bad_config", "Cannot find a place for the units: this user has no home folder", {
    hint: `Set HOME, or name the place: ${option}`,
  });
}

/** A backup takes as long as it takes; one that hangs is ended some time. */
const mostBackupSeconds = 24 * 3_600;

/**
 * Whether the units read the file of settings. Not where it was asked for one of its databases: what is under that name
 * says where the database is, too, which may be in a file that the service cannot read.
 */
function readsSettings({ system, settings }: App): boolean {
  return system.settingsFile !== null && settings.database === undefined;
}

function settingsArguments(app: App): readonly string[] {
  return readsSettings(app) ? ["--config", app.system.settingsFile!.path] : [];
}

/** Whether a unit has to say an option: what it reads in the file of settings it would say against a later change there. */
function isToSay(app: App, option: Option<unknown>, value: unknown): boolean {
  const { settingsFile, environment } = app.system;
  const variable = environmentName(option);
  if (!readsSettings(app) || !(variable in settingsFile!.origins)) return value !== option.fallback;
  return JSON.stringify(value) !== JSON.stringify(option.parse(environment[variable]!));
}

/** Returns where backups are, as a unit says it: it starts in another folder than the one in which they were made. */
function folderArguments(app: App, backups: string): readonly string[] {
  return isToSay(app, backupOptions.backupDir, backups) ? ["--backup-dir", backups] : [];
}

/** Returns the options of `backup` that are given. */
function backupArguments(app: App, options: ScheduleValues, backups: string): readonly string[] {
  const given = Object.entries({ ...backupOptions, ...keepOptions }).flatMap(([key, option]) => {
    const value = options[key as keyof ScheduleValues] as string | number | readonly string[] | undefined;
    if (key === "backupDir" || value === undefined || !isToSay(app, option, value)) return [];
    if (key === "hookTimeout") return [`--${longName(option)}`, `${Number(value) / 1_000}s`];
    return [value].flat().flatMap((each) => [`--${longName(option)}`, String(each)]);
  });
  return [...settingsArguments(app), ...given, ...folderArguments(app, backups)];
}

/** Returns the options of `verify` that are not as they would be without them, secrets left out. */
function verifyArguments(app: App, options: ScheduleValues, backups: string): readonly string[] {
  const { system, historyDir } = app;
  const paths = ["report", "prometheus", "log", "identity"];
  const dir = historyDir();
  const own = Object.entries(verifyOptions).flatMap(([key, option]: [string, Option<unknown>]) => {
    const value = options[key as keyof VerifyValues];
    if (key === "ping" || key === "backupDir" || !isToSay(app, option, value)) return [];
    const flag = `--${longName(option)}`;
    if (value === true) return [flag];
    if (typeof value === "number") return [flag, `${value / 1_000}s`];
    return [flag, paths.includes(key) ? resolve(system.cwd, String(value)) : String(value)];
  });
  return [
    ...settingsArguments(app),
    ...dir === null || !isToSay(app, globalOptions.dir, dir) ? [] : ["--dir", dir],
    ...own,
    // What is encrypted to others cannot be read here.
    ...options.backup && !options.restoreDrill &&
        (options.encryptTo.length === 0 || options.identity !== undefined)
      ? ["--restore-drill"]
      : [],
    ...folderArguments(app, backups),
  ];
}

/** Whether the run needs a variable, whose value is in a file and was not said otherwise. */
function isPassedOn(variable: string, app: App, options: ScheduleValues): boolean {
  if (variable === "DATABASE_URL") return saysUrl(app);
  if (variable === "HARBOR_DB_PING") return options.ping === app.system.environment[variable];
  if (bucketKeyVariables.includes(variable)) return goesToBucket(options);
  return keyVariables.some((each) => each === variable);
}

/** Whether copies go to a bucket, or are looked for in one. */
function goesToBucket({ copyTo }: ScheduleValues): boolean {
  return copyTo !== undefined && copyTo !== "none";
}

/** What of the environment says where the bucket's service is. */
function serviceVariables({ environment }: System): Readonly<Record<string, string>> {
  const names: readonly string[] = [...bucketVariables.endpoint, ...bucketVariables.region];
  return Object.fromEntries(names.flatMap((name) => environment[name] ? [[name, environment[name]]] : []));
}

/** Whether a file says where the database is. */
function saysUrl({ settings, system }: App): boolean {
  return settings.databaseUrlFile !== undefined ||
    (settings.databaseUrl === undefined && "DATABASE_URL" in system.secretFiles);
}

/** A password or token is whatever the URL's reader found, wherever it came from. */
function secretsOf(app: App, url: DatabaseUrl, options: ScheduleValues): Readonly<Record<string, string>> {
  const { hasSecret } = url;
  const { ping } = options;
  const keys = keyVariables.flatMap((variable) => {
    const value = app.system.environment[variable];
    return hasSecret && value && !(variable in app.system.secretFiles) ? [[variable, value] as const] : [];
  });
  const bucketKeys = bucketKeyVariables.flatMap((variable) => {
    const value = app.system.environment[variable];
    return goesToBucket(options) && value && !(variable in app.system.secretFiles)
      ? [[variable, value] as const]
      : [];
  });
  return {
    ...Object.fromEntries(bucketKeys),
    ...hasSecret && !saysUrl(app) ? { DATABASE_URL: writtenUrl(app, url) } : {},
    ...Object.fromEntries(keys),
    ...ping === undefined ||
        ("HARBOR_DB_PING" in app.system.secretFiles && isPassedOn("HARBOR_DB_PING", app, options))
      ? {}
      : { HARBOR_DB_PING: ping },
  };
}

/** What of the environment says where the database is, and is no secret. */
function variablesOf({ variables }: DatabaseUrl, { environment }: System): Readonly<Record<string, string>> {
  const found = Object.entries(environment).filter(([name, value]) =>
    variables?.test(name) && value !== undefined
  );
  return Object.fromEntries(found as [string, string][]);
}

/** A folder that is written to has at least the database in it protected. */
function readsOf(
  url: DatabaseUrl,
  { system, writes }: { readonly system: System; readonly writes: readonly string[] },
): readonly string[] {
  const program = dirname(system.program[0]);
  if (!url.isFile) return [program];
  const file = resolve(system.cwd, url.path);
  return [...new Set([program, writes.includes(dirname(file)) ? file : dirname(file)])];
}

/** Returns the URL as it was given; a file's path is made absolute, since a service starts elsewhere. */
function writtenUrl({ system, settings }: App, url: DatabaseUrl): string {
  if (url.isFile) return writtenPath(resolve(system.cwd, url.path));
  return settings.databaseUrl ?? system.environment["DATABASE_URL"] ?? defaultUrl;
}

/**
 * The owner of a SQLite file can read it, and that of backups them, which are for nobody else; a server's client can be
 * anybody. What is not there yet will belong to the owner of the folder around it.
 */
function ownerOf(path: string | null): string | null {
  if (path === null) return null;
  const stat = [path, dirname(path)].map((each) => statSync(each, { throwIfNoEntry: false })).find(Boolean);
  return stat === undefined ? null : String(stat.uid);
}

/** Without a time it is one between 3 and 4 at night, which depends on `salt` alone. */
function timeOf(at: string | undefined, salt: string): string {
  const minute = createHash("sha256").update(salt).digest()[0]! % 60;
  return at ?? `03:${String(minute).padStart(2, "0")}`;
}
