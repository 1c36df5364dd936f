import { HarborError } from "../errors.ts";
import { once } from "../once_for.ts";

/** A URL cut into its parts. Parts are as written; an empty one is `undefined`. */
export interface UrlText {
  /** In lower case. */
  readonly scheme: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Without the brackets of an IPv6 address. */
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** What follows the `/` after the host: that `/` is not part of it. */
  readonly path: string | undefined;
  readonly query: Query;
}

/** The parameters of a URL, by name, decoded. */
export type Query = ReadonlyMap<string, string>;

const afterScheme = once(() =>
  new RegExp(
    "^(?:(?<username>[^:/?]*)(?::(?<password>[^@]*))?@)?" +
      "(?:\\[(?<ipv6>[^@/?\\[\\]]+)\\]|(?<host>[^:/?\\[\\]]+))?" +
      "(?::(?<port>[^/?]*))?" +
      "(?:/(?<path>[^?]*))?" +
      "(?:\\?(?<query>.*))?$",
    "s",
  )
);

/** A `host:5432/name?parameter=…`, seen where a password was expected because a later `@` is not encoded. */
const portAndParameters = /^\d*(?:\/[^?]*)?\?.*=/s;

/**
 * Cuts `scheme://rest` where SQLAlchemy does: a password ends at the first `@` and may hold `/`, `#`, `?` and `:`;
 * nothing is a fragment; `+` in a parameter is a blank. Text that could be read in two ways is refused, since the
 * wrong reading would show a part of a password as a host or a database.
 *
 * @throws {HarborError} `bad_config`, without any of the text but its scheme
 */
export function splitUrl(scheme: string, rest: string): UrlText {
  const groups = afterScheme().exec(rest)?.groups;
  const { username, password, host, ipv6, port, path } = groups ?? {};
  const query = groups?.["query"];
  // What has a "=" was a parameter, with a token or a password perhaps, before its "?" got lost.
  const isAmbiguous = groups === undefined || host?.includes("@") ||
    [host, path].some((part) => part?.includes("=")) ||
    (password !== undefined && portAndParameters.test(password)) ||
    /:.*@/s.test(path ?? "") ||
    (username !== undefined && (path?.includes("@") || query?.includes("@")));
  if (isAmbiguous) {
    throw badUrl(
      scheme,
      "it can be read in more than one way",
      "Inside a user, password, database or parameter write @ as %40, : as %3A, / as %2F, ? as %3F and = as %3D.",
    );
  }
  return {
    scheme,
    username: some(username),
    password: some(password),
    host: some(ipv6 ?? host),
    port: some(port),
    path: some(path),
    query: readQuery(scheme, query ?? ""),
  };
}

/**
 * Reads the parameters behind a `?`. Errors tell them by number, since a name may be what is left of a password.
 *
 * @throws {HarborError} `bad_config` when one has no `=` or is given twice
 */
export function readQuery(scheme: string, text: string): Query {
  const query = new Map<string, string>();
  for (const [index, pair] of text.split("&").filter((pair) => pair !== "").entries()) {
    const equals = pair.indexOf("=");
    if (equals === -1) {
      throw badUrl(scheme, `${ordinal(index)} after "?" has no value`, "Write it as name=value.");
    }
    const name = decodeQuery(pair.slice(0, equals));
    if (query.has(name)) throw badUrl(scheme, `${ordinal(index)} after "?" repeats another`, "Give it once.");
    query.set(name, decodeQuery(pair.slice(equals + 1)));
  }
  return query;
}

/** @throws {HarborError} `bad_config` when a parameter is not among the known ones */
export function refuseUnknown(scheme: string, query: Query, known: readonly string[]): void {
  const index = [...query.keys()].findIndex((name) => !known.includes(name));
  if (index === -1) return;
  const hint = `Leave it out, or use one of ${known.join(", ")}.`;
  throw badUrl(scheme, `${ordinal(index)} after "?" is not known`, hint);
}

/** Decodes `%40` and the like; a `%` that begins no such code stands for itself, as in Python. */
export function decodePercent(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      return codes;
    }
  });
}

/** Returns the error for a URL that is wrong. It holds nothing of the URL but its scheme. */
export function badUrl(scheme: string, state: string, hint: string): HarborError {
  return new HarborError("bad_config", `Cannot read the database URL "${scheme}://…": ${state}`, { hint });
}

function ordinal(index: number): string {
  return `parameter ${index + 1}`;
}

function decodeQuery(text: string): string {
  return decodePercent(text.replaceAll("+", " "));
}

function some(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
