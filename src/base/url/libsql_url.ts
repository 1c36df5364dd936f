import { tokenVariables } from "./secret_variables.ts";
import type { Dialect } from "../dialect.ts";
import type { Environment } from "../env_file.ts";
import { badUrl, refuseUnknown, splitUrl, type UrlText } from "./text.ts";

export interface LibsqlUrl {
  readonly driver: "libsql";
  readonly isFile: false;
  readonly dialect: "sqlite" & Dialect;
  readonly display: string;
  /** An `http:` or `https:` URL without its token. */
  readonly url: string;
  readonly authToken: string | undefined;
  readonly hasSecret: boolean;
  /** A word of its host, for the names of backups. */
  readonly name: string;
  readonly variables: null;
  readonly remarks: readonly [];
  readonly files: Readonly<Record<string, never>>;
}

/**
 * Reads the URL of a libSQL server: `libsql:`, `https:` and `wss:` mean HTTPS, `http:` and `ws:` mean HTTP (a server
 * answers both on the same port), `?tls=0` and `?tls=1` say it outright. In SQLAlchemy's `sqlite+libsql:` it is
 * `?secure=true` that asks for HTTPS.
 *
 * The token is the parameter `authToken`, else the first of {@link tokenVariables}.
 *
 * @throws {HarborError} `bad_config`
 */
export function parseLibsqlUrl(
  scheme: string,
  rest: string,
  { environment }: { readonly environment: Environment },
): LibsqlUrl {
  const parts = splitUrl(scheme, rest);
  const known = scheme === "sqlite+libsql" ? ["authToken", "secure"] : ["authToken", "tls"];
  refuseUnknown(scheme, parts.query, known);
  if (parts.username !== undefined || parts.password !== undefined) {
    throw badUrl(
      scheme,
      "it has a user or a password",
      "A libSQL server takes a token: set LIBSQL_AUTH_TOKEN.",
    );
  }
  const secure = isSecure(parts);
  const url = addressOf(parts, secure ? "https" : "http");
  const authToken = parts.query.get("authToken") ||
    tokenVariables.map((name) => environment[name]).find(Boolean);
  return {
    driver: "libsql",
    isFile: false,
    dialect: "sqlite",
    display: scheme === "libsql" && secure ? url.replace(/^https/, "libsql") : url,
    url,
    authToken,
    hasSecret: authToken !== undefined,
    name: /^[\w-]*[a-z][\w-]*/i.exec(new URL(url).hostname)?.[0] ?? "libsql",
    variables: null,
    remarks: [],
    files: {},
  };
}

const secureByDefault: Readonly<Record<string, boolean>> = { libsql: true, https: true, wss: true };
const answers: Readonly<Record<string, boolean>> = { "1": true, "true": true, "0": false, "false": false };

function isSecure({ scheme, query }: UrlText): boolean {
  const name = query.has("secure") ? "secure" : "tls";
  const answer = query.get(name);
  if (answer === undefined) return secureByDefault[scheme] ?? false;
  const secure = answers[answer.toLowerCase()];
  if (secure === undefined) {
    throw badUrl(scheme, `parameter "${name}" is neither 0 nor 1`, `Write ?${name}=1 for HTTPS.`);
  }
  return secure;
}

/** Returns the address in the form of the URL standard, without a `/` at its end. */
function addressOf({ scheme, host, port, path }: UrlText, protocol: "http" | "https"): string {
  const wrong = badUrl(
    scheme,
    "its host, port or path is not valid",
    "Write libsql://host or libsql://host:port.",
  );
  if (host === undefined) throw wrong;
  const name = host.includes(":") ? `[${host}]` : host;
  const text = `${protocol}://${name}${port === undefined ? "" : `:${port}`}/${path ?? ""}`;
  // The runtime's own error would hold the text of the URL.
  const url = URL.canParse(text) ? new URL(text) : null;
  // It may find a password where splitUrl saw a port, as in `u:one@[two@host`.
  if (url === null || url.username + url.password + url.hash !== "") throw wrong;
  return url.href.replace(/\/+$/, "");
}
