import { basename, extname } from "node:path";
import type { Dialect } from "../dialect.ts";
import { badUrl, decodePercent, type Query, readQuery, refuseUnknown } from "./text.ts";

export interface SqliteFileUrl {
  readonly driver: "sqlite_file";
  readonly isFile: true;
  readonly dialect: "sqlite" & Dialect;
  /** For showing: the URL without any password. */
  readonly display: string;
  /** As written: absolute or relative to the working directory. */
  readonly path: string;
  readonly hasSecret: false;
  /** The file's without its ending, for the names of backups. */
  readonly name: string;
  readonly variables: null;
  readonly remarks: readonly [];
  readonly files: Readonly<Record<string, never>>;
}

/** Returns the address of a SQLite file. */
export function sqliteFileUrl(path: string, shown: string): SqliteFileUrl {
  return {
    driver: "sqlite_file",
    isFile: true,
    dialect: "sqlite",
    display: shown,
    path,
    hasSecret: false,
    name: basename(path, extname(path)),
    variables: null,
    remarks: [],
    files: {},
  };
}

/** Settings of Python's sqlite3, which have no meaning here. */
const pythonParameters = [
  "autocommit",
  "cached_statements",
  "check_same_thread",
  "detect_types",
  "isolation_level",
  "timeout",
];

/** Parameters of SQLite's own `file:` URLs: https://www.sqlite.org/uri.html */
const fileParameters = ["cache", "mode"];

/**
 * Reads what follows `sqlite://` as SQLAlchemy does: after a third slash comes the path, with a fourth an absolute
 * one. Nothing in it is percent-decoded.
 *
 * @throws {HarborError} `bad_config`
 */
export function parseSqliteUrl(scheme: string, rest: string): SqliteFileUrl {
  if (!rest.startsWith("/") && rest !== "" && !rest.startsWith("?")) {
    throw badUrl(
      scheme,
      "a host stands where the path should",
      "Write sqlite:///app.db, or sqlite:////srv/app.db for an absolute path.",
    );
  }
  const [, path = "", parameters = ""] = /^\/?([^?]*)\??(.*)$/s.exec(rest) ?? [];
  const query = readQuery(scheme, parameters);
  if (path.startsWith("file:") && /^(?:true|1)$/i.test(query.get("uri") ?? "")) {
    refuseUnknown(scheme, query, ["uri", ...pythonParameters, ...fileParameters]);
    return fileOf(scheme, readFileUrl(scheme, path.slice("file:".length)), query);
  }
  refuseUnknown(scheme, query, ["uri", ...pythonParameters]);
  return fileOf(scheme, path, query);
}

/**
 * Reads what follows `file:`: a relative or absolute path, percent-encoded, with SQLite's parameters.
 *
 * @throws {HarborError} `bad_config`
 */
export function parseFileUrl(rest: string): SqliteFileUrl {
  const [path = "", parameters = ""] = cut(rest, "?");
  const query = readQuery("file", parameters);
  refuseUnknown("file", query, fileParameters);
  return fileOf("file", readFileUrl("file", path), query);
}

function readFileUrl(scheme: string, text: string): string {
  if (text.includes("#")) throw badUrl(scheme, 'the path has a "#"', "Write # as %23.");
  const [, host = "", path = text] = /^\/\/([^/]*)(.*)$/s.exec(text) ?? [];
  if (host !== "" && host !== "localhost") {
    throw badUrl(
      scheme,
      "a host stands where the path should",
      "Write file:relative.db or file:///srv/absolute.db.",
    );
  }
  const decoded = decodePercent(path);
  return /^\/[A-Za-z]:\//.test(decoded) ? decoded.slice(1) : decoded;
}

function fileOf(scheme: string, path: string, query: Query): SqliteFileUrl {
  if (path === "" || path === ":memory:" || query.get("mode") === "memory") {
    throw badUrl(
      scheme,
      "it names a database in memory, of which nothing would be kept",
      "Name a file: sqlite:///app.db.",
    );
  }
  if (query.get("mode") === "ro") {
    throw badUrl(
      scheme,
      'parameter "mode" is "ro"',
      "Leave it out: commands that only read open the file read-only.",
    );
  }
  return sqliteFileUrl(path, writtenPath(path));
}

/** Writes a path as a URL. One with a `?`, or a blank at its end, can only be written as a `file:` URL. */
export function writtenPath(path: string): string {
  if (!/\?|\s$/.test(path)) return `sqlite:///${path}`;
  const encoded = encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23");
  return path.startsWith("//") ? `file://${encoded}` : `file:${encoded}`;
}

function cut(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
