import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { writeFileSync } from "node:fs";
import { globalOptions } from "../src/cli/global_options.ts";
import { longName, type Option } from "../src/cli/options.ts";
import type { Command } from "../src/cli/command.ts";
import type { Seeded } from "../tests/support/seeded.ts";
import { mutateBytes, mutateJsonText, mutateText } from "./fuzz_mutate.ts";

/** What is run. */
export interface Run {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Files by their path in the working directory. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** The working directory of a run, before it. */
export interface Folder {
  readonly path: string;
  /** Databases to begin with, by what they are. */
  readonly databases: ReadonlyMap<string, Files>;
  /** The history. */
  readonly history: Files;
  /** Writes a file; makes its folders. */
  put(path: string, content: Uint8Array | string): void;
  putAll(files: Files): void;
}

/** Prepares a folder and returns what to run in it. */
export type Kind = (folder: Folder, random: Seeded) => Run;

/** Is in every password, twice, so that what changes a character leaves one to look for. */
const secret = "hunter7-hunter8";

export const commands: Command[] = [];
const database = "openharbor.db";

const targets = [
  "head",
  "base",
  "+1",
  "-1",
  "+2",
  "-99",
  "71dda59686db",
  "5b09",
  "7",
  "f27bd10b7ec4",
  "nope",
  "head:base",
] as const;
const texts = [
  "",
  " ",
  "0",
  "1",
  "-1",
  "1e9",
  "NaN",
  "60s",
  "5m",
  "99999999999999999999",
  "12:30",
  "25:61",
  "zstd",
  "gzip",
  "sqlite",
  "harbor",
  "history,schema",
  "data",
  "integrity,backup",
  "sqlite:///other.db",
  "sqlite:///openharbor.db",
  "http://127.0.0.1:1/",
  "openharbor.db",
  "backups",
  "missing/deep",
  ".env",
  "drizzle",
  "a\nb",
  "\u001b[2J",
  "\u202e",
  "x".repeat(5000),
  "users.email=email",
  "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
  "--json",
  "-",
] as const;

/** A command that reads or changes a database, as somebody would call it. */
const ordinary: readonly (readonly string[])[] = [
  ["status"],
  ["status", "--exit-code"],
  ["upgrade"],
  ["upgrade", "+1"],
  ["upgrade", "--no-backup"],
  ["upgrade", "--dry-run"],
  ["upgrade", "--sql"],
  ["upgrade", "--adopt"],
  ["downgrade", "-1", "--yes"],
  ["downgrade", "base", "--yes", "--no-backup"],
  ["current"],
  ["history"],
  ["history", "--verbose"],
  ["stamp", "head"],
  ["adopt"],
  ["backup"],
  ["backup", "list"],
  ["backup", "prune", "--keep-last", "1"],
  ["verify"],
  ["verify", "--quick"],
];

function db(folder: Folder, random: Seeded): void {
  const files = random.oneOf([...folder.databases.values()]);
  folder.putAll(files);
}

function maybeJson(args: readonly string[], random: Seeded): readonly string[] {
  return random.below(2) === 0 ? args : [...args, "--json"];
}

/** Nothing that a run is told leads out of its folder, nor onto the machine's own units. */
function tame(value: string): string {
  return value.replaceAll("\0", "").replace(/^\//, "./");
}

function argumentsKind(folder: Folder, random: Seeded): Run {
  if (random.below(3) > 0) db(folder, random);
  const command = random.oneOf(commands);
  const own = Object.values(random.below(8) === 0 ? allOptions() : command.options);
  const options = [...own, ...Object.values(globalOptions)].filter((each) => longName(each) !== "install");
  const args = command.name.split(" ");
  const wanted = (command.arguments ?? []).filter(({ name }) =>
    name.startsWith("<") || random.below(2) === 0
  );
  for (const _ of wanted) args.push(tame(random.oneOf([...targets, ...texts])));
  if (random.below(12) === 0) args.push(random.oneOf(texts));
  const env: Record<string, string> = {};
  for (const option of random.some(4, () => random.oneOf(options))) {
    const value = tame(random.below(4) === 0 ? mutateText(random.oneOf(texts), random) : random.oneOf(texts));
    if (random.below(4) === 0) {
      env[`HARBOR_DB_${longName(option).toUpperCase().replaceAll("-", "_")}`] = value;
    } else args.push(...flagOf(option, value, random));
  }
  if (random.below(8) === 0) {
    const at = random.below(args.length);
    args[at] = tame(mutateText(args[at]!, random));
  }
  if (random.below(4) > 0) args.push("--yes");
  return { args: maybeJson(args, random), env };
}

function allOptions(): Readonly<Record<string, Option<unknown>>> {
  return Object.assign({}, ...commands.map(({ options }) => options));
}

function flagOf(option: Option<unknown>, value: string, random: Seeded): readonly string[] {
  const name = `--${longName(option)}`;
  if (!option.flags.includes("<")) return random.below(15) === 0 ? [`${name}=${value}`] : [name];
  return random.oneOf([[name, value], [`${name}=${value}`], [name]]);
}

const urls = [
  "sqlite:///openharbor.db",
  "sqlite:///openharbor.db?mode=ro",
  "file:openharbor.db",
  `postgresql://harbor:${secret}@127.0.0.1:1/harbor`,
  `postgresql+psycopg2://harbor:${secret}@127.0.0.1:1/harbor?sslmode=disable&options=-csearch_path%3Dx`,
  `postgres://harbor:${secret}@[::1]:1/harbor?connect_timeout=2`,
  `postgresql:///harbor?host=127.0.0.1&port=1&user=x&password=${secret}`,
  `libsql://127.0.0.1:1?tls=0&authToken=${secret}`,
  `http://user:${secret}@127.0.0.1:1/x`,
  `https://127.0.0.1:1/?authToken=${secret}`,
] as const;

function url(random: Seeded): string {
  return mutateText(random.oneOf(urls), random);
}

function urlsKind(folder: Folder, random: Seeded): Run {
  if (random.below(2) === 0) db(folder, random);
  const args = random.oneOf([
    ...ordinary,
    ["restore", "openharbor-", "--to", tame(url(random))],
    ["schedule"],
    [
      "schedule",
      "--cron",
    ],
  ]);
  const given = url(random).replaceAll("\0", "");
  return random.below(2) === 0
    ? { args: maybeJson([...args, "--database-url", given], random) }
    : { args: maybeJson(args, random), env: { DATABASE_URL: given } };
}

function environmentKind(folder: Folder, random: Seeded): Run {
  db(folder, random);
  const lines = random.some(6, () =>
    random.oneOf([
      `DATABASE_URL=${random.oneOf(urls)}`,
      `export DATABASE_URL="${random.oneOf(urls)}"`,
      `DATABASE_URL='${random.oneOf(urls)}'`,
      `LIBSQL_AUTH_TOKEN=${secret}`,
      `PGPASSWORD="${secret}"`,
      `PGPORT=${random.oneOf(["1", "x", "-1", "99999"])}`,
      `PGSSLMODE=${random.oneOf(["require", "nope", ""])}`,
      `SECRET_KEY=${secret}`,
      "# words",
      'PRIVATE="a\nb\n"',
      "HARBOR_DB_YES=1",
      "PATH=/nowhere",
    ]));
  const text = lines.join(random.oneOf(["\n", "\n", "\r\n", "\n\n"]));
  const mutated = random.below(4) === 0
    ? mutateBytes(Buffer.from(text), random)
    : Buffer.from(mutateText(text, random), random.below(12) === 0 ? "utf16le" : "utf8");
  folder.put(random.below(30) === 0 ? ".env/inside" : ".env", mutated);
  return { args: maybeJson(random.oneOf(ordinary), random) };
}

function manifestsKind(folder: Folder, random: Seeded): Run {
  const withBackups = [...folder.databases.values()].filter((files) => [...files.keys()].some(isManifest));
  const files = random.oneOf(withBackups);
  folder.putAll(files);
  const manifests = [...files.keys()].filter(isManifest);
  const path = random.oneOf(manifests);
  const [manifest, backup] = [files.get(path)!, files.get(path.slice(0, -5))!];
  switch (random.below(8)) {
    case 0:
      folder.put(path, mutateBytes(manifest, random));
      break;
    case 1:
      folder.put(path.slice(0, -5), mutateBytes(backup, random));
      break;
    case 2:
      folder.put(
        `backups/${mutateText("copy", random).replaceAll(/[\0/]/g, "").slice(0, 100)}.json`,
        manifest,
      );
      break;
    default:
      folder.put(path, mutateJsonText(Buffer.from(manifest).toString(), random));
  }
  const name = random.oneOf(manifests).slice("backups/".length, -5);
  const args = random.oneOf([
    ["backup", "list"],
    ["backup", "verify", name],
    ["backup", "verify", "openharbor-"],
    ["backup", "prune", "--keep-last", "1", "--force", "--yes"],
    ["backup", "prune", "--keep-daily", "1", "--dry-run"],
    ["restore", name, "--yes"],
    ["restore", name, "--to", "sqlite:///other.db", "--yes"],
    ["status"],
    ["verify"],
    ["verify", "--only", "backup"],
    ["upgrade", "--keep-last", "1"],
    ["downgrade", "base", "--yes"],
    ["schedule"],
  ]);
  return { args: maybeJson(args, random) };
}

function isManifest(path: string): boolean {
  return path.startsWith("backups/") && path.endsWith(".json");
}

function pickPath(folder: Folder, random: Seeded, pattern: RegExp): string {
  return random.oneOf([...folder.history.keys()].filter((path) => pattern.test(path)));
}

const onHistory: readonly (readonly string[])[] = [
  ...ordinary,
  ["upgrade", "--no-backup"],
  ["upgrade"],
  ["check"],
  ["rebase"],
  ["drop", "--yes"],
  ["create", "more"],
];

function runOnHistory(random: Seeded): Run {
  return { args: maybeJson([...random.oneOf(onHistory), "--dir", "drizzle"], random) };
}

function journalsKind(folder: Folder, random: Seeded): Run {
  db(folder, random);
  folder.putAll(folder.history);
  const path = pickPath(
    folder,
    random,
    random.oneOf([/sqlite\/meta\/_journal/, /sqlite\/meta\/.*snapshot/, /SHA256SUMS/]),
  );
  const text = Buffer.from(folder.history.get(path)!).toString();
  folder.put(
    path,
    random.below(6) === 0 ? mutateBytes(Buffer.from(text), random) : mutateJsonText(text, random),
  );
  return runOnHistory(random);
}

const sqlWords = [
  "--> statement-breakpoint\n",
  "-- harbor:backfill table=files key=id\n",
  "-- harbor:alone\n",
  "-- harbor:nope\n",
  "-- harbor:backfill table=users\n",
  "/*",
  "*/",
  "'",
  '"',
  ";",
  "BEGIN;",
  "COMMIT;",
  "PRAGMA foreign_keys=off;",
  "DROP TABLE files;",
  "UPDATE files SET size = NULL;",
  "INSERT INTO nowhere VALUES (1);",
  "ATTACH 'other.db' AS o;",
  "VACUUM;",
  "SELECT",
  "\0",
  "$$",
  "CREATE TABLE harbor_version (x);",
  "DROP TABLE harbor_version;",
  "DELETE FROM harbor_lock;",
] as const;

function scriptsKind(folder: Folder, random: Seeded): Run {
  db(folder, random);
  folder.putAll(folder.history);
  const path = pickPath(folder, random, /sqlite\/[^/]*\.sql$/);
  const text = Buffer.from(folder.history.get(path)!).toString();
  folder.put(
    path,
    random.below(6) === 0 ? mutateBytes(Buffer.from(text), random) : mutateText(text, random, sqlWords),
  );
  return runOnHistory(random);
}

/** A database with damaged pages, or with something else in harbor-db's own tables. */
function databasesKind(folder: Folder, random: Seeded): Run {
  const files = random.oneOf([...folder.databases.values()].filter((each) => each.has(database)));
  folder.putAll(files);
  if (random.below(2) === 0) folder.put(database, mutateBytes(files.get(database)!, random));
  else spoilOwnTables(`${folder.path}/${database}`, random);
  return { args: maybeJson(random.oneOf([...ordinary, ["restore", "openharbor-", "--yes"]]), random) };
}

function spoilOwnTables(path: string, random: Seeded): void {
  const file = new DatabaseSync(path);
  try {
    const tables = file.prepare(
      "SELECT m.name AS t, p.name AS c FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.name LIKE 'harbor_%' OR m.name = 'alembic_version'",
    ).all() as { t: string; c: string }[];
    if (tables.length === 0) return;
    for (let times = 1 + random.below(2); times > 0; times--) {
      const { t, c } = random.oneOf(tables);
      const value = random.oneOf([
        "NULL",
        "''",
        "x'00ff'",
        "9e999",
        "-1",
        "9223372036854775807",
        "'2031-01-01T00:00:00Z'",
        "'soon'",
        "'71dda59686db'",
        "char(10, 27, 0)",
        `(SELECT hex(zeroblob(2000)))`,
      ]);
      try {
        file.exec(random.below(6) === 0 ? `DELETE FROM "${t}"` : `UPDATE "${t}" SET "${c}" = ${value}`);
      } catch {
        // A constraint says no; then it stays as it is.
      }
    }
  } finally {
    file.close();
  }
}

/** A file of the folder that is something else, or may not be read. */
function filesKind(folder: Folder, random: Seeded): Run {
  db(folder, random);
  folder.putAll(folder.history);
  const path = random.oneOf([
    database,
    "backups",
    ".env",
    "schema.ts",
    "drizzle/sqlite/meta/_journal.json",
    `${database}-wal`,
  ]);
  if (random.below(2) === 0) folder.put(`${path}.d/x`, "x");
  try {
    writeFileSync(
      `${folder.path}/${path}`,
      random.oneOf(["", "{", "\0\0\0", "x".repeat(4096), "export const a = (", "throw 7"]),
    );
  } catch {
    // It is a folder.
  }
  const args = random.oneOf([...onHistory, ["generate", "x"], ["check"], ["rebase"]]);
  return { args: maybeJson(random.below(2) === 0 ? args : [...args, "--dir", "drizzle"], random) };
}

/** Commands for a server that answers with garbage. */
export function serverRun(address: string, random: Seeded): Run {
  const args = random.oneOf([...ordinary, ["upgrade", "--no-backup"], ["restore", "openharbor-", "--yes"]]);
  return { args: maybeJson(args, random), env: { DATABASE_URL: address } };
}

/** The kinds of runs that need no server, with how many of a hundred are of each. */
export const kinds: readonly (readonly [name: string, share: number, Kind])[] = [
  ["arguments", 24, argumentsKind],
  ["urls", 14, urlsKind],
  ["environment files", 12, environmentKind],
  ["manifests", 13, manifestsKind],
  ["journals", 9, journalsKind],
  ["scripts", 9, scriptsKind],
  ["databases", 6, databasesKind],
  ["files", 3, filesKind],
];
