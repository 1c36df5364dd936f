import { HarborError } from "../errors.ts";

/** The files of a user's that libpq reads beside a URL. */
export interface UserFiles {
  /** The folder of the user; `undefined` when there is none. */
  readonly home: string | undefined;
  /** Whether something is there, also what may not be read. */
  isThere(path: string): boolean;
  /** Reads a file; `undefined` when it is not there, or may not be read. */
  read(path: string): UserFile | undefined;
}

export interface UserFile {
  readonly text: string;
  /** Whether others than its owner may do anything with it. */
  readonly isOpen: boolean;
}

/** For whom no file is read. */
export const noFiles: UserFiles = { home: undefined, isThere: () => false, read: () => undefined };

/** Where Debian's libpq looks for services that are for all users. */
const commonFolder = "/etc/postgresql-common";

/** The settings of a service, by libpq's names, and where they stand. */
export interface Service {
  readonly path: string;
  readonly settings: ReadonlyMap<string, string>;
}

/** Where a service may stand. */
export interface ServicePlaces {
  /** What the user names. */
  readonly file: string | undefined;
  /** `PGSYSCONFDIR`. */
  readonly folder: string | undefined;
  readonly files: UserFiles;
}

/**
 * Returns what a service stands for: https://www.postgresql.org/docs/current/libpq-pgservice.html
 *
 * @throws {HarborError} `bad_config` when no file has it, or one has a line that cannot be read
 */
export function findService(name: string, { file, folder, files }: ServicePlaces): Service {
  const own = file ?? (files.home === undefined ? undefined : `${files.home}/.pg_service.conf`);
  const paths = [...own === undefined ? [] : [own], `${folder ?? commonFolder}/pg_service.conf`];
  for (const path of paths) {
    const settings = settingsOf(files.read(path)?.text ?? "", { name, path });
    if (settings !== undefined) return { path, settings };
  }
  throw new HarborError(
    "bad_config",
    `Cannot find the service "${name}": it is not in ${paths.join(" or ")}`,
    {
      hint: "Correct PGSERVICE or PGSERVICEFILE, or leave them out and say in the database URL where it is.",
    },
  );
}

function settingsOf(
  text: string,
  { name, path }: { readonly name: string; readonly path: string },
): ReadonlyMap<string, string> | undefined {
  let found: Map<string, string> | undefined;
  for (const [index, written] of text.split("\n").entries()) {
    const line = written.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[")) {
      // libpq takes the first section of a name, up to the next one.
      if (found !== undefined) return found;
      if (line === `[${name}]`) found = new Map();
    } else if (found !== undefined) {
      const [, key, value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
      // The line itself may hold a password.
      if (key === undefined || key === "service" || key === "servicefile") {
        throw new HarborError("bad_config", `Cannot read line ${index + 1} of "${path}": it sets nothing`, {
          hint: "Write name=value there, without blanks around the = sign.",
        });
      }
      if (!found.has(key)) found.set(key, value);
    }
  }
  return found;
}

/** Whose password is looked for. */
export interface Account {
  /** `localhost` for a socket in the usual folder. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * Returns the password that a file has for an account: https://www.postgresql.org/docs/current/libpq-pgpass.html
 *
 * @param text The file's, which nobody but its owner may use: of any other libpq takes none
 */
export function findPassword(text: string, account: Account): string | undefined {
  const wanted = [account.host, String(account.port), account.database, account.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = fieldsOf(line);
    const password = fields[4];
    if (password === undefined) continue;
    if (!wanted.every((value, at) => fields[at] === "*" || unescaped(fields[at]!) === value)) continue;
    return password === "" ? undefined : unescaped(password);
  }
  return undefined;
}

/** Cuts a line at colons that no backslash is in front of. */
function fieldsOf(line: string): readonly string[] {
  return Array.from(line.matchAll(/(?:^|:)((?:\\.|[^:\\]|\\$)*)/g), ([, field]) => field!);
}

function unescaped(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}
