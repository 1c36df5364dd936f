import type { PostgresUrl } from "../../../../base/url/postgres_url.ts";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { HarborError } from "../../../../base/errors.ts";
import { hideSecrets } from "../../../../base/secrets/hide_secrets.ts";
import type { Client } from "../../../database.ts";
import { applicationName } from "../../lock.ts";
import { danglingHint } from "../session.ts";

/** A run of pg_dump or pg_restore. */
export interface ProgramRun {
  readonly program: string;
  /** Without anything secret: other users see it. */
  readonly args: readonly string[];
  /** All of the program's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends the program. */
  readonly signal: AbortSignal;
}

/** How much of what a program complains about is kept. */
const complaintLimit = 8_192;

/**
 * Runs a client program, and `consume` on what it prints, which the program waits for.
 *
 * @throws {HarborError} `disk_full`, `connection_failed`, `busy` or `backup_failed`, with the program's own words;
 * what `consume` throws
 */
export async function runProgram<T>(
  { program, args, environment, signal }: ProgramRun,
  consume: (output: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const child = spawn(program, [...args], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
    // A terminal that closes under nohup is none of its business, and what stops us stops it below.
    detached: true,
  });
  const ended = endOf(child, program);
  const stop = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const consumed = await consume(child.stdout);
    await ended;
    return consumed;
  } catch (error) {
    // Output that is over too early is explained by the program's own words.
    const isOver = child.stdout.readableEnded;
    if (!isOver) child.kill("SIGKILL");
    child.stdout.destroy();
    const own = await ended.then(() => undefined, (reason: unknown) => reason);
    throw isOver && own !== undefined ? own : error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Takes all of a program's output as text. */
export async function readOutput(output: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of output) text += decoder.decode(piece, { stream: true });
  return text + decoder.decode();
}

/** Resolves when the program has ended well, with all of its streams. */
function endOf(child: ChildProcess, program: string): Promise<void> {
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-complaintLimit);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error) => reject(failure(program, error.message)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(failure(program, complaint.trim() || `it ended with ${signal ?? `exit code ${code}`}`));
    });
  });
  // It is awaited when the output is consumed.
  ended.catch(() => {});
  return ended;
}

/** What programs and servers say, in the order in which it is looked for; messages are English, see below. */
const known = [
  ["disk_full", /No space left on device|Disk quota exceeded|File too large|could not extend file/],
  ["busy", /lock timeout|could not obtain lock/],
  [
    "connection_failed",
    /connection to server|server closed the connection|terminating connection|could not (connect|receive|send)|no connection to the server|SSL error/,
  ],
] as const;

function failure(program: string, said: string): HarborError {
  // It repeats the statement that failed.
  const complaint = hideSecrets(said);
  const code = known.find(([, words]) => words.test(complaint))?.[0] ?? "backup_failed";
  const [first = ""] = complaint.split("\n").map((line) =>
    line.replace(/^pg_(dump|restore): (error: )?/, "")
  );
  const hint = code === "disk_full"
    ? "Free some space, or put backups on another device: --backup-dir <dir>"
    : /permission denied/.test(first)
    ? "The database is as it was. Connect as the role that owns what is to be copied, or give this role the right."
    : /violates foreign key constraint/.test(complaint)
    ? danglingHint
    : "The database is as it was.";
  return new HarborError(code, `Cannot run "${program}": ${first}`, { hint, details: { said: complaint } });
}

/** Settings that have variables of their own. */
const ownVariables: ReadonlySet<string> = new Set(["application_name", "timezone"]);

/** Bundles of the authorities that a machine trusts, which older client libraries have to be told. */
const trustedRoots = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What {@link connectionEnvironment} is made of. */
export interface ConnectionSettings {
  readonly url: PostgresUrl;
  readonly client: Client;
  /** The program's major version. */
  readonly major: number;
  /** Settings that the session of the program begins with, beside those of the URL. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Returns the environment by which a client program connects just as harbor-db does. The password is there and nowhere
 * else. Nothing else reaches the program: neither a service file nor a variable of this process.
 */
export function connectionEnvironment(
  { url, client, major, settings }: ConnectionSettings,
): Readonly<Record<string, string>> {
  const own = Object.entries(url.settings).filter(([name]) => !ownVariables.has(name.toLowerCase()));
  const options = [...own, ...Object.entries(settings)]
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, "\\$&")}`).join(" ");
  const { rootcert, cert, key } = url.sslFiles;
  const root = rootcert ?? systemRoots(url.sslmode, major);
  return withoutGaps({
    // English messages, by which failures are told apart.
    LC_ALL: "C",
    PGHOST: url.host,
    PGPORT: String(url.port),
    PGUSER: url.user,
    PGDATABASE: url.database,
    PGPASSWORD: url.password,
    PGAPPNAME: applicationName(client),
    PGCONNECT_TIMEOUT: url.connectTimeout === undefined ? "10" : String(url.connectTimeout),
    PGSSLMODE: url.sslmode,
    PGSSLROOTCERT: root,
    PGSSLCERT: cert,
    PGSSLKEY: key,
    PGGSSENCMODE: "disable",
    PGTZ: "UTC",
    PGOPTIONS: options === "" ? undefined : options,
  });
}

/** The library takes the word `system` since version 16, and for the strictest mode alone. */
function systemRoots(sslmode: PostgresUrl["sslmode"], major: number): string | undefined {
  if (!sslmode.startsWith("verify-")) return undefined;
  if (sslmode === "verify-full" && major >= 16) return "system";
  return trustedRoots.find((path) => existsSync(path));
}

function withoutGaps(record: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
  );
}
