import type { Dialect } from "../dialect.ts";
import type { Environment } from "../env_file.ts";
import { type Account, findPassword, findService, type Service, type UserFiles } from "./postgres_files.ts";
import { quoteForShell } from "../quote_shell.ts";
import { badUrl, decodePercent, type Query, refuseUnknown, splitUrl } from "./text.ts";

/** The file beside a history that says what a hosting service brings. */
export interface HostFile {
  /** As shown in messages: `drizzle/host.sql`. */
  readonly file: string;
  /** Returns its text; `null` where there is none. */
  text(): string | null;
  /** Whether something else stands in that than in the file, which is not UTF-8; left out where it is. */
  isGarbled?(): boolean;
}

export interface PostgresUrl {
  readonly driver: "postgres";
  readonly isFile: false;
  readonly dialect: "postgresql" & Dialect;
  readonly display: string;
  /**
   * `postgres://…` as libpq takes it, with the password; never shown. postgres.js is given the fields instead: it
   * decodes no database name in a URL and knows neither socket folders nor IPv6 addresses there.
   */
  readonly url: string;
  /** A name, an address without brackets, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly hasSecret: boolean;
  /** The database's, for the names of backups. */
  readonly name: string;
  /** Variables of the environment that say more of where it is, and hold no secret. */
  readonly variables: RegExp;
  /** What the user should know of how it was read. */
  readonly remarks: readonly string[];
  /** The files that say something of it, by the variables that lead there. */
  readonly files: Readonly<Record<string, string>>;
  /** libpq's words. */
  readonly sslmode: "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
  /** `options=-csearch_path=…` and other libpq parameters that become session settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Seconds to wait for a connection; 0 waits without end. Left out when nothing says it. */
  readonly connectTimeout?: number;
  /** Whether code of the tables' owner may run with the rights of the role that connects. */
  readonly trustsOwner?: boolean;
  /** The schemas beside the default one in which the history has something. Set when that is known, by `lookingAt`. */
  readonly schemas?: readonly string[];
  /** The file that makes in scratch databases what the database's host brings. Set with the schemas. */
  readonly hostFile?: HostFile;
  /** libpq's `sslrootcert`, `sslcert`, `sslkey` (paths). */
  readonly sslFiles: { readonly rootcert?: string; readonly cert?: string; readonly key?: string };
}

/** Where Debian and Red Hat, and the libpq inside psycopg2's wheels, look for a server when no host is named. */
const defaultSocketFolder = "/var/run/postgresql";

const sslmodes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

const known = [
  "application_name",
  "channel_binding",
  "client_encoding",
  "connect_timeout",
  "dbname",
  "fallback_application_name",
  "gssencmode",
  "host",
  "options",
  "passfile",
  "password",
  "port",
  "prepared_statement_cache_size",
  "service",
  "ssl",
  "sslcert",
  "sslkey",
  "sslmode",
  "sslrootcert",
  "target_session_attrs",
  "user",
];

/**
 * What harbor-db has no switch for: parameters with their variables, and the values that ask for nothing it does not do
 * anyway.
 */
const harmless:
  readonly (readonly [parameter: string, variable: string | undefined, values: readonly string[]])[] = [
    ["channel_binding", "PGCHANNELBINDING", ["disable", "prefer"]],
    // The variable is for what psql prints.
    ["client_encoding", undefined, ["utf8", "utf-8", "auto"]],
    ["gssencmode", "PGGSSENCMODE", ["disable", "prefer"]],
    ["hostaddr", "PGHOSTADDR", []],
    ["load_balance_hosts", "PGLOADBALANCEHOSTS", ["disable"]],
    ["require_auth", "PGREQUIREAUTH", []],
    ["requirepeer", "PGREQUIREPEER", []],
    ["sslcertmode", "PGSSLCERTMODE", ["allow"]],
    ["sslcrl", "PGSSLCRL", []],
    ["sslcrldir", "PGSSLCRLDIR", []],
    ["sslnegotiation", "PGSSLNEGOTIATION", ["postgres"]],
    ["target_session_attrs", "PGTARGETSESSIONATTRS", ["any", "read-write", "primary"]],
  ];

/**
 * Reads what follows `postgresql://`. A parameter wins over the part of the URL that says the same, that over the
 * service (`PGSERVICE`), that over the environment (`PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`,
 * `PGSSLMODE`, …), and then libpq's own defaults hold: https://www.postgresql.org/docs/current/libpq-connect.html. The
 * default user is the environment's `USER` or `LOGNAME`, and a password that nobody says is looked for in `PGPASSFILE`.
 *
 * @throws {HarborError} `bad_config`
 */
export function parsePostgresUrl(
  scheme: string,
  rest: string,
  { environment, files }: Surroundings,
): PostgresUrl {
  const parts = splitUrl(scheme, rest);
  const { query } = parts;
  refuseUnknown(scheme, query, [...known, ...harmless.map(([parameter]) => parameter)]);
  const service = serviceOf(query, { environment, files });
  const strange = [...service?.settings.keys() ?? []].find((name) =>
    !known.includes(name) && !harmless.some(([parameter]) => parameter === name)
  );
  if (strange !== undefined) {
    throw badUrl(
      scheme,
      `its service in "${service!.path}" sets "${strange}", which is not known`,
      "Take it out.",
    );
  }
  const said: Said = (name, written, variable) =>
    query.get(name) || (written && decodePercent(written)) || service?.settings.get(name) ||
    (variable && environment[variable]) || undefined;
  refuseUnsupported(scheme, said);

  const host = said("host", parts.host, "PGHOST") ?? defaultSocketFolder;
  const portText = said("port", parts.port, "PGPORT");
  if (`${host}${portText}`.includes(",")) {
    throw badUrl(
      scheme,
      "it names several hosts, of which harbor-db takes one",
      "Name the primary server, in the URL or in PGHOST and PGPORT.",
    );
  }
  // The rest of a parameter, of a password even, stands there when a "&" got lost.
  if (!/^(\/.*|@.*|[\p{L}\p{N}._:%-]+)$/su.test(host)) {
    throw badUrl(scheme, "its host is not valid", `Write ${scheme}://USER@HOST/DATABASE.`);
  }
  const port = portOf(scheme, portText);
  const user = said("user", parts.username, "PGUSER") ?? environment["USER"] ?? environment["LOGNAME"];
  if (!user) throw badUrl(scheme, "it names no user", `Write ${scheme}://USER@HOST/DATABASE, or set PGUSER.`);
  const database = said("dbname", parts.path, "PGDATABASE") ?? user;
  const own = said("password", parts.password, "PGPASSWORD");
  const kept = own === undefined
    ? passwordOf(said("passfile", undefined, "PGPASSFILE"), files, {
      host: host === defaultSocketFolder ? "localhost" : host,
      port,
      database,
      user,
    })
    : undefined;
  const password = own ?? kept?.password;
  const timeout = timeoutOf(scheme, said("connect_timeout", undefined, "PGCONNECT_TIMEOUT"));

  const { files: ownTlsFiles, ...tls } = tlsOf(scheme, host, { said, files });
  const place = placeOf({ host, port, database });
  const userText = encodeURIComponent(user);
  const passwordText = password === undefined ? "" : `:${encodeURIComponent(password)}`;
  return {
    driver: "postgres",
    isFile: false,
    dialect: "postgresql",
    display: `postgresql://${userText}@${place}`,
    url: `postgres://${userText}${passwordText}@${place}`,
    host,
    port,
    database,
    user,
    password,
    hasSecret: own !== undefined &&
      (own !== service?.settings.get("password") || parts.password !== undefined || query.has("password")),
    name: database,
    files: {
      ...kept?.password === undefined ? {} : { PGPASSFILE: kept.path },
      ...service === undefined ? {} : { PGSERVICEFILE: service.path },
      ...ownTlsFiles,
    },
    remarks: kept?.remark === undefined ? [] : [kept.remark],
    variables: /^PG(?!PASSWORD$)[A-Z_]+$/,
    settings: settingsOf(scheme, said),
    ...tls,
    ...(timeout === undefined ? {} : { connectTimeout: timeout }),
  };
}

/** Returns what a parameter, else the part of the URL, else the environment says. Nothing and "" are the same. */
type Said = (parameter: string, written?: string, variable?: string) => string | undefined;

/** What surrounds a URL. */
export interface Surroundings {
  readonly environment: Environment;
  readonly files: UserFiles;
}

function serviceOf(query: Query, { environment, files }: Surroundings): Service | undefined {
  const name = query.get("service") || environment["PGSERVICE"];
  if (!name) return undefined;
  return findService(name, {
    file: environment["PGSERVICEFILE"] || undefined,
    folder: environment["PGSYSCONFDIR"] || undefined,
    files,
  });
}

/** What a file of passwords has, and what is to be said of one that is passed over. */
interface Kept {
  readonly path: string;
  readonly password?: string | undefined;
  readonly remark?: string;
}

function passwordOf(named: string | undefined, files: UserFiles, account: Account): Kept | undefined {
  const path = named ?? (files.home === undefined ? undefined : `${files.home}/.pgpass`);
  const file = path === undefined ? undefined : files.read(path);
  if (path === undefined || file === undefined) return undefined;
  if (!file.isOpen) return { path, password: findPassword(file.text, account) };
  return {
    path,
    remark: `"${path}" is passed over, since others may use it: chmod 600 ${quoteForShell(path)}`,
  };
}

function refuseUnsupported(scheme: string, said: Said): void {
  for (const [name, variable, values] of harmless) {
    const value = said(name, undefined, variable);
    if (value === undefined || values.includes(value.toLowerCase())) continue;
    const isVariable = said(name) === undefined;
    const what = isVariable ? `${variable} of the environment` : `parameter "${name}"`;
    throw badUrl(
      scheme,
      `harbor-db cannot do what ${what} asks for`,
      isVariable ? `Leave it out: unset ${variable}` : `Leave ${name} out.`,
    );
  }
}

function portOf(scheme: string, text: string | undefined): number {
  const port = Number(text ?? 5432);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  // Not quoted: after an "@" that is not encoded it may be the end of a password.
  throw badUrl(
    scheme,
    "its port is not a number from 1 to 65535",
    "In a password write @ as %40 and : as %3A.",
  );
}

function timeoutOf(scheme: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw badUrl(
    scheme,
    'parameter "connect_timeout" is not a number of seconds',
    "Write ?connect_timeout=10.",
  );
}

function placeOf({ host, port, database }: { host: string; port: number; database: string }): string {
  const path = `/${encodeURIComponent(database)}`;
  if (host.startsWith("/")) {
    const folder = encodeURIComponent(host).replaceAll("%2F", "/");
    return `${path}?host=${folder}${port === 5432 ? "" : `&port=${port}`}`;
  }
  return `${host.includes(":") ? `[${host}]` : encodeURIComponent(host)}:${port}${path}`;
}

/** Returns how a server is spoken to, and which files of the user's own say more of it than the URL does. */
function tlsOf(
  scheme: string,
  host: string,
  { said, files }: { readonly said: Said; readonly files: UserFiles },
): Pick<PostgresUrl, "sslmode" | "sslFiles" | "files"> {
  const rootcert = said("sslrootcert", undefined, "PGSSLROOTCERT");
  const usesSystemRoots = rootcert === "system";
  const asked = said("sslmode") ?? sslmodeOf(said("ssl")) ?? said("sslmode", undefined, "PGSSLMODE") ??
    (usesSystemRoots ? "verify-full" : "prefer");
  const sslmode = sslmodes.find((mode) => mode === asked);
  if (sslmode === undefined) {
    throw badUrl(
      scheme,
      'parameter "sslmode" has no value that libpq knows',
      `Use one of ${sslmodes.join(", ")}.`,
    );
  }
  if (usesSystemRoots && sslmode !== "verify-full") {
    throw badUrl(
      scheme,
      `parameter "sslmode" asks for less than "sslrootcert=system" does`,
      "Write sslmode=verify-full, or leave sslrootcert out.",
    );
  }
  // A socket file has no TLS: libpq ignores the mode there.
  if (host.startsWith("/") || sslmode === "disable") return { sslmode: "disable", sslFiles: {}, files: {} };
  const own = (name: string) => {
    const path = `${files.home}/.postgresql/${name}`;
    // One that may not be read is an error, since without it nobody would look at the certificate.
    return files.home !== undefined && files.isThere(path) ? path : undefined;
  };
  const ownRoot = rootcert === undefined && /^(?:require|verify-)/.test(sslmode)
    ? own("root.crt")
    : undefined;
  const saidCert = said("sslcert", undefined, "PGSSLCERT");
  const ownCert = saidCert === undefined ? own("postgresql.crt") : undefined;
  const saidKey = said("sslkey", undefined, "PGSSLKEY");
  const hasCert = (saidCert ?? ownCert) !== undefined;
  const ownKey = hasCert && saidKey === undefined ? own("postgresql.key") : undefined;
  return {
    sslmode,
    sslFiles: present({
      rootcert: usesSystemRoots ? undefined : rootcert ?? ownRoot,
      cert: saidCert ?? ownCert,
      key: saidKey ?? ownKey,
    }),
    files: present({ PGSSLROOTCERT: ownRoot, PGSSLCERT: ownCert, PGSSLKEY: ownKey }),
  };
}

function present<Name extends string>(
  record: Readonly<Record<Name, string | undefined>>,
): { readonly [name in Name]?: string } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    readonly [name in Name]?: string;
  };
}

/** Returns the mode that asyncpg's and JDBC's `ssl` stands for. */
function sslmodeOf(ssl: string | undefined): string | undefined {
  if (ssl === undefined) return undefined;
  const modes: Readonly<Record<string, string>> = {
    "true": "require",
    "1": "require",
    "false": "disable",
    "0": "disable",
  };
  return modes[ssl.toLowerCase()] ?? ssl;
}

function settingsOf(scheme: string, said: Said): Readonly<Record<string, string>> {
  const name = said("application_name", undefined, "PGAPPNAME") ?? said("fallback_application_name");
  return {
    ...parseOptions(scheme, said("options", undefined, "PGOPTIONS") ?? ""),
    ...(name === undefined ? {} : { application_name: name }),
  };
}

/** Reads `-c name=value`, `-cname=value` and `--name=value`, with `\` before a blank that belongs to a value. */
function parseOptions(scheme: string, text: string): Readonly<Record<string, string>> {
  const words = text.match(/(?:\\.|[^\s\\])+/gs)?.map((word) => word.replace(/\\(.)/gs, "$1")) ?? [];
  const settings: Record<string, string> = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] === "-c" ? `-c${words[++at] ?? ""}` : words[at] ?? "";
    const [, name, value] = /^(?:-c|--)([\w.-]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined) {
      throw badUrl(
        scheme,
        'parameter "options" is not a list of settings',
        "Write options=-csearch_path%3Dname.",
      );
    }
    settings[name.replaceAll("-", "_")] = value;
  }
  return settings;
}
