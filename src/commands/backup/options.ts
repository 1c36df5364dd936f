import { backupEngineNames } from "../../engines/backup/content.ts";
import { dirname, join, resolve } from "node:path";
import { type Identity, readIdentity, unknownIdentity } from "../../engines/backup/identity.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import { defaultRetention, type RetentionPolicy } from "../../backup/rules/retention.ts";
import { realPath } from "../../base/files/real_path.ts";
import type { Bucket } from "../../backup/bucket/bucket.ts";
import type { FetchOptions } from "../../backup/store/bucket_place.ts";
import type { Backups } from "../../backup/open_backups.ts";
import type { BackupPlace } from "../../backup/store/place.ts";
import { type App, placed, trusting } from "../../cli/app.ts";
import { readUrl } from "../../cli/read_url.ts";
import { duration } from "../../cli/duration_option.ts";
import type { System } from "../../cli/system.ts";
import { choice, count, text, texts, type Values } from "../../cli/options.ts";

/** Where backups are. */
export const folderOptions = {
  backupDir: text("--backup-dir <dir>", "where backups are (backups/ beside a SQLite file, else ./backups)"),
};

/** From where backups are read. */
export const sourceOptions = {
  ...folderOptions,
  from: text("--from <place>", "where to read them instead: another folder, or s3://bucket/prefix"),
};

/** Where backups go when they are made. */
export const deliveryOptions = {
  copyTo: text(
    "--copy-to <bucket>",
    "bring a copy of each into a bucket: s3://bucket/prefix (none: into none)",
  ),
  afterBackup: text(
    "--after-backup <command>",
    "run this for each backup that is made, to bring it elsewhere (its path: HARBOR_DB_BACKUP_PATH)",
  ),
  hookTimeout: duration("--hook-timeout <time>", "end a command of yours after this time", 3_600_000),
};

/** How backups are made. */
export const backupOptions = {
  ...folderOptions,
  backupEngine: choice(
    "--backup-engine <engine>",
    `what makes it: ${backupEngineNames.join(", ")}`,
    backupEngineNames,
  ),
  compress: choice("--compress <method>", "compress it: zstd or gzip", ["zstd", "gzip"]),
  encryptTo: texts(
    "--encrypt-to <recipient>",
    "encrypt it with age to this public key; can be given several times",
  ),
  ...deliveryOptions,
};

/** Which backups stay. */
export const keepOptions = {
  keepLast: count("--keep-last <n>", "keep the newest n backups"),
  keepDaily: count("--keep-daily <n>", "keep the newest of each of the last n days that have one"),
  keepWeekly: count("--keep-weekly <n>", "the same for weeks"),
  keepMonthly: count("--keep-monthly <n>", "the same for months"),
};

/** How a backup is read. */
export const identityOption = {
  identity: text("--identity <file>", "the file with the age key that it was encrypted to"),
};

/** Returns the folder of a database's backups. */
export function backupFolder(
  app: App,
  url: DatabaseUrl,
  { backupDir }: Values<typeof folderOptions>,
): string {
  const { cwd } = app.system;
  if (backupDir !== undefined) return resolve(cwd, backupDir);
  return url.isFile ? join(dirname(realPath(resolve(cwd, url.path))), "backups") : join(cwd, "backups");
}

/** Returns what stands for a database in manifests, the same from wherever harbor-db is called. */
export function databaseIdentity(app: App, url: DatabaseUrl): string {
  return url.isFile ? `sqlite:///${realPath(resolve(app.system.cwd, url.path))}` : url.display;
}

/** Reads what the command line's database is known by; unknown when it is not there, or cannot be asked. */
export async function findIdentity(app: App): Promise<Identity> {
  return await askIfThere(app, readIdentity) ?? unknownIdentity;
}

/** Asks the command line's database; `null` when it is not there, or cannot be asked. */
export async function askIfThere<T>(app: App, ask: (database: Database) => Promise<T>): Promise<T | null> {
  if (app.isAbsent()) return null;
  try {
    return await app.withRun("read", ({ database }) => ask(database));
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    return null;
  }
}

/** What {@link openAppBackups} goes by. */
export type BackupValues =
  & Values<typeof folderOptions>
  & Partial<Values<typeof backupOptions & typeof identityOption & typeof sourceOptions>>;

/** Opens the backups of the command line's database, or of another one. */
export async function openAppBackups(
  app: App,
  options: BackupValues,
  url: DatabaseUrl = app.databaseUrl(),
): Promise<Backups> {
  const { openBackups } = await import("../../backup/open_backups.ts");
  const { system, report } = app;
  const { backupEngine = null, compress = null, encryptTo = [], identity } = options;
  const common = {
    folder: backupFolder(app, url, options),
    database: databaseIdentity(app, url),
    name: url.name,
    engine: backupEngine,
    encoding: { compression: compress, recipients: encryptTo },
    identityFile: identity === undefined ? null : resolve(system.cwd, identity),
    client: system.client,
    environment: system.environment,
    signal: system.signal,
    now: () => new Date(),
    notify: report.event,
  };
  return openBackups(await app.withSchemas(url), {
    ...common,
    ...await placeOf(app, options, { ...common, url }),
  });
}

/** Returns the place that `--from` names, if any. */
async function placeOf(
  { system }: App,
  { from }: BackupValues,
  options: FetchOptions,
): Promise<{ readonly from?: BackupPlace }> {
  if (from === undefined) return {};
  const { isBucketAddress } = await import("../../backup/bucket/rules/address.ts");
  if (isBucketAddress(from)) {
    const { bucketPlace } = await import("../../backup/store/bucket_place.ts");
    return { from: bucketPlace(await openAppBucket(system, from), options) };
  }
  const { folderPlace } = await import("../../backup/store/folder_place.ts");
  return { from: folderPlace(resolve(system.cwd, from)) };
}

/** How long a bucket is left alone before it is asked again, in milliseconds; doubled from there. */
const bucketPauseMs = 500;

/** How long it may let wait for an answer, and be slow with it, in milliseconds. */
const bucketPatienceMs = 60_000;

/**
 * Opens the bucket at an address, with the keys of the environment.
 *
 * @throws {HarborError} `bad_config`
 */
async function openAppBucket({ environment }: System, written: string): Promise<Bucket> {
  const { findBucketKeys, parseBucketAddress } = await import("../../backup/bucket/rules/address.ts");
  const address = parseBucketAddress(written, environment);
  const keys = findBucketKeys(address, environment);
  const [{ openBucket }, { usualPart }] = await Promise.all([
    import("../../backup/bucket/bucket.ts"),
    import("../../backup/bucket/rules/part_size.ts"),
  ]);
  return openBucket({
    address,
    keys,
    pauseMs: bucketPauseMs,
    patienceMs: bucketPatienceMs,
    partBytes: usualPart,
  });
}

/**
 * Returns the bucket that copies go to; `null` when they go to none.
 *
 * @throws {HarborError} `bad_config`
 */
export async function openDelivery(
  { system }: App,
  { copyTo }: Values<Pick<typeof deliveryOptions, "copyTo">>,
): Promise<Bucket | null> {
  return copyTo === undefined || copyTo === "none" ? null : await openAppBucket(system, copyTo);
}

/** Returns the place that copies go to, for reading; `null` when they go to none. */
export async function openCopies(
  app: App,
  options: BackupValues & Values<Pick<typeof deliveryOptions, "copyTo">>,
): Promise<BackupPlace | null> {
  const { copyTo } = options;
  if (copyTo === undefined || copyTo === "none") return null;
  return (await openAppBackups(app, { ...options, from: copyTo })).place;
}

/**
 * Returns what to keep: what the user said, and nothing else when anything is said; else the default.
 *
 * @throws {HarborError} `usage` when nothing at all would be kept
 */
export function retentionPolicy(options: Values<typeof keepOptions>): RetentionPolicy {
  const { keepLast, keepDaily, keepWeekly, keepMonthly } = options;
  const said = [keepLast, keepDaily, keepWeekly, keepMonthly];
  if (said.every((count) => count === undefined)) return defaultRetention;
  const [last, daily, weekly, monthly] = said.map((count) => count ?? 0);
  if (said.every((count) => !count)) {
    throw new HarborError("usage", "Cannot prune: no rule keeps anything", {
      hint: "harbor-db backup prune --keep-last 1",
    });
  }
  return { last: last!, daily: daily!, weekly: weekly!, monthly: monthly! };
}

/** Reads the URL that a command names beside the database's own. */
export function otherUrl(app: App, written: string): DatabaseUrl {
  const { system, settings, report } = app;
  const url = trusting(readUrl(written, system), settings);
  return placed(url, { cwd: system.cwd, report });
}
