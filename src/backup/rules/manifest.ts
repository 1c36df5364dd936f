import {
  backupEngineNames,
  identityForm,
  notComparedParts,
  notRestoredReasons,
  proofs,
  type TableContent,
} from "../../engines/backup/content.ts";
import { basename } from "node:path";
import { dialects } from "../../base/dialect.ts";
import * as v from "valibot";
import { HarborError } from "../../base/errors.ts";
import { listOf, oneOf, parseJson, readAs } from "../../base/json_schema.ts";

const matching = (pattern: RegExp, what: string) => v.pipe(v.string(), v.regex(pattern, `is no ${what}`));
const digest = matching(/^[0-9a-f]{8,128}$/, "digest");
/** A name that stands for nothing outside its folder. */
const name = matching(/^(?!\.)[A-Za-z0-9_.-]{1,200}$/, "name");
const count = v.pipe(v.number("is no count"), v.safeInteger("is no count"), v.minValue(0, "is no count"));
const time = v.pipe(
  matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "time"),
  v.check((text) => !Number.isNaN(Date.parse(text)), "is no time"),
);
const fileDigest = { bytes: count, sha256: digest };

const tableContent: v.GenericSchema<TableContent> = v.pipe(
  v.object({ name: v.string(), rows: count, digest }),
  v.readonly(),
);

const manifestFields = v.pipe(
  v.object({
    /** The name by which commands know it: the file's name without its endings. */
    id: name,
    /** The harbor-db that made it. */
    version: v.string(),
    /** Which engine made the copy, and so what kind of file it is. */
    engine: oneOf(backupEngineNames),
    dialect: oneOf(dialects),
    /** The database's address without its password. */
    database: v.string(),
    /** What the database knew itself by; `null` when it had no identity yet. Left out by earlier releases. */
    identity: v.optional(v.nullable(matching(identityForm, "identity"))),
    /** What told it from a copy of the same address, see `Database.home`. Earlier releases did not write it. */
    home: v.optional(v.nullable(v.string()), null),
    /** One more than that of any backup before it in the folder: clocks go wrong. Earlier releases did not write it. */
    sequence: v.optional(count, 0),
    serverVersion: v.string(),
    /** What the database was at; `null` for base, or when nothing said it. */
    revision: v.nullable(name),
    /** The revision that had stopped half way. */
    unfinished: v.nullable(name),
    /** What it was made for. */
    reason: oneOf(["backup", "before upgrade", "before downgrade", "before restore", "before adopt"]),
    /** ISO 8601 UTC. */
    createdAt: time,
    /** The file's name when it was written. */
    file: name,
    /** Of the file. */
    ...fileDigest,
    compression: v.nullable(oneOf(["zstd", "gzip"])),
    encryption: v.nullable(oneOf(["age"])),
    /** The copy before compression and encryption; `null` when the file is the copy itself. */
    plain: v.nullable(v.pipe(v.object(fileDigest), v.readonly())),
    tables: listOf(tableContent),
    /** A digest of all definitions; `null` from an engine that has none. */
    schema: v.nullable(digest),
    /**
     * The same for what else a restore brings back, such as how far sequences have come; `null` when it was not read.
     * Earlier releases did not write it.
     */
    state: v.optional(v.nullable(digest), null),
    /** How it was proven: restored and opened as a database, restored into a scratch database, or read back row by row. */
    proof: oneOf(proofs),
    /** Why it was only read back; `null` when it was restored. Earlier releases did not write it. */
    notRestored: v.optional(v.nullable(oneOf(notRestoredReasons)), null),
    /** What was made first where it was restored, see `ProofHost`. Earlier releases made nothing. */
    host: v.optional(
      v.nullable(
        v.pipe(v.object({ file: v.string(), sha256: digest, fault: v.nullable(v.string()) }), v.readonly()),
      ),
      null,
    ),
    /** What the proof left out, since a change waited for it; `null` when nothing. Earlier releases left nothing out. */
    notCompared: v.optional(v.nullable(oneOf(notComparedParts)), null),
    /** See `Proven.notFollowed`. Earlier releases restored no copy with such references. */
    notFollowed: v.optional(listOf(v.string()), []),
    /** What was in the database and is not in the copy: `function total_size`. */
    uncarried: listOf(v.string()),
  }),
  v.readonly(),
);

/**
 * The JSON beside a backup: what it holds and how that was proven. Only what was proven gets one, and it is written
 * last, so that a file without a manifest is no backup.
 */
export type Manifest = v.InferOutput<typeof manifestFields>;
export type Compression = NonNullable<Manifest["compression"]>;
export type BackupReason = Manifest["reason"];

/** Whether a backup holds a database as no revision was on record in it, to be adopted. */
export function isBeforeAdoption({ reason, revision }: Pick<Manifest, "reason" | "revision">): boolean {
  return reason === "before adopt" && revision === null;
}

/** Whether a change waits for a backup that is made for it. Before a restore, what is there may be damaged. */
export function isWaitedFor(reason: BackupReason): boolean {
  return ["before upgrade", "before downgrade", "before adopt"].includes(reason);
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

/** Whether a name of its own is that of a manifest which harbor-db writes: it stands for nothing outside its place. */
export function isManifestName(text: string): boolean {
  const file = backupPathOf(text);
  return file !== null && v.is(name, file);
}

/** Returns the id of a new backup: `openharbor-20260728T101112123Z-71dda59686db`. */
export function backupId(
  parts: { readonly name: string; readonly createdAt: string; readonly revision: string | null },
): string {
  const name = parts.name.replaceAll(/[^A-Za-z0-9_.]+/g, "_").replace(/^[._]+/, "").slice(0, 60) ||
    "database";
  return `${name}-${timeText(parts.createdAt)}-${parts.revision ?? "none"}`;
}

/** Returns the time that is in an id, or in the name of a file that has it: `20260728T101112123Z`, "" where there is none. */
export function timeIn(name: string): string {
  return /-(\d{8}T\d{9}Z)-/.exec(name)?.[1] ?? "";
}

function timeText(createdAt: string): string {
  return createdAt.replaceAll(/[-:.]/g, "");
}

/** How far the clocks of two machines may be apart. */
const clockSkewMs = 5 * 60_000;

/** Whether a date is not over yet. What says so was written, or is read, with a wrong clock: its age means nothing. */
export function isInFuture(createdAt: string, now: Date): boolean {
  return Date.parse(createdAt) > now.getTime() + clockSkewMs;
}

/** Returns the text of a manifest. */
export function renderManifest(manifest: Manifest): string {
  return `${JSON.stringify({ format: manifestFormat, ...manifest }, null, 2)}\n`;
}

/**
 * Reads a manifest. The text may come from anywhere: whatever is not as harbor-db writes it is refused, and so is that of
 * another backup, which would be taken for this one.
 *
 * @param path Of the manifest. A user may have given the backup a name of his own, without a time or with its id in it
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
  const json = parseJson(text, wrong);
  const format = v.literal(manifestFormat, `is not ${manifestFormat}: another release of harbor-db made it`);
  readAs(v.object({ format }), json, wrong);
  const manifest = readAs(manifestFields, json, wrong);
  const { id, createdAt } = manifest;
  const name = basename(path);
  if (timeIn(name) !== "" && timeIn(name) !== timeIn(id) && !name.includes(id)) {
    throw wrong("", `is the manifest of ${id}, and stands beside ${backupPathOf(name) ?? name}`);
  }
  if (timeIn(id) !== "" && timeIn(id) !== timeText(createdAt)) {
    throw wrong("createdAt", `is ${createdAt}, and its "id" says another time`);
  }
  return manifest;
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
