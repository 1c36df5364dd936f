import type { EngineName, Proof, TableContent } from "../../engines/backup_content.ts";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { type JsonFields, jsonFields } from "../../base/json_fields.ts";

export type Compression = "zstd" | "gzip";

/** What a backup was made for. */
export type BackupReason =
  | "backup"
  | "before upgrade"
  | "before downgrade"
  | "before restore"
  | "before adopt";

/**
 * The JSON beside a backup: what it holds and how that was proven. Only what was proven gets one, and it is written
 * last, so that a file without a manifest is no backup.
 */
export interface Manifest {
  /** The name by which commands know it: the file's name without its endings. */
  readonly id: string;
  /** The harbor-db that made it. */
  readonly version: string;
  readonly engine: EngineName;
  readonly dialect: Dialect;
  /** The database's address without its password: backups of one database belong together. */
  readonly database: string;
  readonly serverVersion: string;
  /** What the database was at; `null` for base, or when nothing said it. */
  readonly revision: string | null;
  /** The revision that had stopped half way. */
  readonly unfinished: string | null;
  readonly reason: BackupReason;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  /** The file's name when it was written. */
  readonly file: string;
  readonly bytes: number;
  /** Of the file, hex. */
  readonly sha256: string;
  readonly compression: Compression | null;
  readonly encryption: "age" | null;
  /** The copy before compression and encryption; `null` when the file is the copy itself. */
  readonly plain: { readonly bytes: number; readonly sha256: string } | null;
  readonly tables: readonly TableContent[];
  /** A digest of all definitions; `null` from an engine that has none. */
  readonly schema: string | null;
  readonly proof: Proof;
  /** What was in the database and is not in the copy: `function total_size`. */
  readonly uncarried: readonly string[];
}

const manifestFormat = 1;
const manifestEnding = ".json";

/** Returns the path of the manifest of a backup's file. */
export function manifestPathOf(file: string): string {
  return file + manifestEnding;
}

/** Returns the path of a manifest's backup, `null` for what cannot be one. */
export function backupPathOf(manifestPath: string): string | null {
  return manifestPath.endsWith(manifestEnding) ? manifestPath.slice(0, -manifestEnding.length) : null;
}

/** Returns the id of a new backup: `openharbor-20260728T101112123Z-71dda59686db`. */
export function backupId(
  parts: { readonly name: string; readonly createdAt: string; readonly revision: string | null },
): string {
  const name = parts.name.replaceAll(/[^A-Za-z0-9_.]+/g, "_").replace(/^[._]+/, "").slice(0, 60) ||
    "database";
  return `${name}-${parts.createdAt.replaceAll(/[-:.]/g, "")}-${parts.revision ?? "none"}`;
}

/** Returns the text of a manifest. */
export function renderManifest(manifest: Manifest): string {
  return `${JSON.stringify({ format: manifestFormat, ...manifest }, null, 2)}\n`;
}

/**
 * Reads a manifest. The text may come from anywhere: whatever is not as harbor-db writes it is refused.
 *
 * @param path As shown in messages
 * @throws {HarborError} `damaged_backup`
 */
export function parseManifest(text: string, path: string): Manifest {
  const wrong = (field: string, state: string) =>
    new HarborError(
      "damaged_backup",
      `Cannot read "${path}": ${field === "" ? "it" : `its field "${field}"`} ${state}`,
      {
        hint: "It is no manifest of harbor-db, or was changed. See what else there is: harbor-db backup list",
      },
    );
  const fields = jsonFields(parseJson(text, wrong), "", wrong);
  if (fields.value("format") !== manifestFormat) {
    throw wrong("format", `is not ${manifestFormat}: another release of harbor-db made it`);
  }
  const read = readers(fields, wrong);
  return {
    id: read.name("id"),
    version: read.text("version"),
    engine: read.oneOf("engine", ["sqlite", "libsql", "pg_dump", "harbor"]),
    dialect: read.oneOf("dialect", ["sqlite", "postgresql"]),
    database: read.text("database"),
    serverVersion: read.text("serverVersion"),
    revision: read.optional("revision", read.name),
    unfinished: read.optional("unfinished", read.name),
    reason: read.oneOf("reason", [
      "backup",
      "before upgrade",
      "before downgrade",
      "before restore",
      "before adopt",
    ]),
    createdAt: read.time("createdAt"),
    file: read.name("file"),
    bytes: read.count("bytes"),
    sha256: read.digest("sha256"),
    compression: read.optional("compression", (name) => read.oneOf(name, ["zstd", "gzip"])),
    encryption: read.optional("encryption", (name) => read.oneOf(name, ["age"])),
    plain: read.optional("plain", (name) => {
      const inner = readers(jsonFields(fields.value(name), name, wrong), wrong);
      return { bytes: inner.count("bytes"), sha256: inner.digest("sha256") };
    }),
    tables: fields.list("tables").map((item, index) => {
      const table = readers(jsonFields(item, `tables.${index}`, wrong), wrong);
      return { name: table.text("name"), rows: table.count("rows"), digest: table.digest("digest") };
    }),
    schema: read.optional("schema", read.digest),
    proof: read.oneOf("proof", ["opened", "scratch database", "read back"]),
    uncarried: fields.list("uncarried").map((item, index) => {
      if (typeof item !== "string") throw wrong(`uncarried.${index}`, "is no text");
      return item;
    }),
  };
}

/** Says whether two contents are the same, as far as their engine can tell. */
export function isSameContent(
  one: { readonly tables: readonly TableContent[]; readonly schema?: string | null },
  other: { readonly tables: readonly TableContent[]; readonly schema?: string | null },
): boolean {
  return (one.schema ?? null) === (other.schema ?? null) &&
    differingTables(one.tables, other.tables).length === 0;
}

/** Returns the names of the tables that are not the same in both lists, in the order of their names. */
export function differingTables(
  one: readonly TableContent[],
  other: readonly TableContent[],
): readonly string[] {
  const key = (table: TableContent | undefined) => table && `${table.rows} ${table.digest}`;
  const ours = new Map(one.map((table) => [table.name, table]));
  const theirs = new Map(other.map((table) => [table.name, table]));
  return [...new Set([...ours.keys(), ...theirs.keys()])].sort()
    .filter((name) => key(ours.get(name)) !== key(theirs.get(name)));
}

type Wrong = (field: string, state: string) => HarborError;

function parseJson(text: string, wrong: Wrong): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong("", "is no JSON");
  }
}

function readers(fields: JsonFields, wrong: Wrong) {
  const at = (name: string) => fields.path === "" ? name : `${fields.path}.${name}`;
  const matching = (pattern: RegExp, what: string) => (name: string) => {
    const text = fields.text(name);
    if (!pattern.test(text)) throw wrong(at(name), `is no ${what}`);
    return text;
  };
  return {
    text: fields.text,
    digest: matching(/^[0-9a-f]{8,128}$/, "digest"),
    time: matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "time"),
    /** A name that stands for nothing outside its folder. */
    name: matching(/^(?!\.)[A-Za-z0-9_.-]{1,200}$/, "name"),
    count: (name: string) => {
      const value = fields.value(name);
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
      throw wrong(at(name), "is no count");
    },
    oneOf: <const Word extends string>(name: string, words: readonly Word[]): Word => {
      const word = words.find((each) => each === fields.value(name));
      if (word === undefined) throw wrong(at(name), `is none of ${words.join(", ")}`);
      return word;
    },
    optional: <T>(name: string, read: (name: string) => T): T | null =>
      fields.value(name) === null ? null : read(name),
  };
}
