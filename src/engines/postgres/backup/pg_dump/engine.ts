import type { PostgresUrl } from "../../../../base/url/postgres_url.ts";
import { HarborError } from "../../../../base/errors.ts";
import type { OtherObject } from "../../../../schema/snapshot.ts";
import type { Proven, TableContent } from "../../../backup/content.ts";
import { hash } from "node:crypto";
import { compareTexts } from "../../../../base/compare_texts.ts";
import { open } from "node:fs/promises";
import type { Environment } from "../../../../base/env_file.ts";
import { quoteName } from "../../../../sql/quote.ts";
import type {
  BackupContent,
  BackupEngine,
  OnProgress,
  ProvenCopy,
  ProveOptions,
} from "../../../backup/engine.ts";
import { type Archive, openArchive } from "./archive.ts";
import { loadArchive, restoreArchive } from "./restore.ts";
import { ensureSchema } from "../replace.ts";
import { scratchObstacle, tryOn, withScratch } from "../scratch.ts";
import {
  type BackupTask,
  inTransaction,
  lockTimeoutMs,
  query,
  taskFailure,
  withBackupSession,
} from "../session.ts";
import {
  contentName,
  inSnapshot,
  listTables,
  readTables,
  schemaList,
  type Schemas,
  sizeOf,
} from "../tables.ts";
import { type AccountReader, openAccountReader, readAccount } from "../account.ts";
import { damagedCopy } from "../script.ts";
import { isNotOfExtension } from "../../catalogs/words.ts";
import { listOutside } from "../uncarried.ts";
import type { Client } from "../../../database.ts";
import { findPgDump, findPgRestore, type PgDump } from "./find_program.ts";
import type { Session } from "../../session/session.ts";
import { digestRows } from "../digest.ts";
import { connectionEnvironment, readOutput, runProgram } from "./program.ts";
import { removeLeft } from "../../../../base/files/remove.ts";

/**
 * Makes copies of a PostgreSQL schema with pg_dump, in its custom format, which pg_restore reads: all that is in the
 * schema. A copy is restored by harbor-db's own session, from the script that pg_restore makes of it, so that all
 * happens in one transaction.
 *
 * @param environment Where PATH is looked up; without it the usual folders are searched
 * @throws {HarborError} `backup_failed` when no pg_dump is there that is new enough for the server; `details.pgDump`
 * is then `missing` or `too_old`
 */
export async function openPgDumpEngine(
  url: PostgresUrl,
  client: Client,
  environment: Environment = {},
): Promise<BackupEngine> {
  const copier = await findCopier(url, client, environment);
  return engineOf({ url, client, reader: copier.programs, copier: () => Promise.resolve(copier) });
}

/**
 * Opens the engine of {@link openPgDumpEngine} to prove and restore copies only: for that any pg_restore will do that
 * is not older than the pg_dump which made them, however new the server is.
 *
 * @throws {HarborError} `backup_failed` when there is none; `details.pgDump` is then `missing`
 */
export async function openPgRestoreEngine(
  url: PostgresUrl,
  client: Client,
  environment: Environment = {},
): Promise<BackupEngine> {
  const reader = await findPgRestore(environment);
  return engineOf({ url, client, reader, copier: () => findCopier(url, client, environment) });
}

/** A pg_dump that can copy from a server, and how it connects. */
interface Copier {
  readonly programs: PgDump;
  readonly connection: Readonly<Record<string, string>>;
}

interface Parts {
  readonly url: PostgresUrl;
  readonly client: Client;
  readonly reader: PgDump;
  copier(): Promise<Copier>;
}

function engineOf({ url, client, reader, copier }: Parts): BackupEngine {
  const taskOf = (verb: BackupTask["verb"], signal: AbortSignal): BackupTask => ({
    url,
    client,
    signal,
    verb,
  });
  const examine = <T>(work: (session: Session) => Promise<T>) => examineServer(url, client, work);
  return {
    name: "pg_dump",
    keepsTrials: "on the server",
    suffix: ".dump",
    estimate: () =>
      examine((session) =>
        inSnapshot(session, async (schemas) => sizeOf(await listTables(session, schemas)) + 65_536)
      ),
    uncarried: () =>
      examine((session) => inSnapshot(session, (schemas) => listOutside(session, schemas)))
        .catch((error) => [unlisted(error)]),
    dump: (path, signal, onProgress) =>
      withBackupSession(
        taskOf("copy", signal),
        async (session) => await dump(session, { path, signal, onProgress, ...await copier() }),
      ),
    trialObstacle: () => scratchObstacle(taskOf("examine", new AbortController().signal)),
    async prove(path, signal, options = {}) {
      const task = taskOf("prove a copy of", signal);
      try {
        return await prove(task, { path, programs: reader, ...options });
      } catch (error) {
        throw taskFailure(task, error);
      }
    },
    restore: (path, signal, options) =>
      withBackupSession(taskOf("restore", signal), async (session) => {
        const archive = await openArchive({ programs: reader, path, signal });
        const remarks = await inTransaction(session, { mode: "write" }, () =>
          restoreArchive(session, { archive, url, options }));
        for (const each of remarks) {
          options?.onRemark?.(each);
        }
      }),
  };
}

function examineServer<T>(
  url: PostgresUrl,
  client: Client,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withBackupSession({ url, client, signal: new AbortController().signal, verb: "examine" }, work);
}

/** The copy has all that its schema has: what is outside, and goes while it is listed, must not keep it from being made. */
function unlisted(error: unknown): OtherObject {
  const why = error instanceof HarborError ? error.state : String(error);
  return {
    kind: "objects",
    name: `outside of the schema, which could not be listed (${why})`,
    table: null,
    sql: null,
  };
}

async function findCopier(url: PostgresUrl, client: Client, environment: Environment): Promise<Copier> {
  const { serverMajor, settings } = await examineServer(url, client, async (session) => {
    const wanted = { bytea_output: "hex", standard_conforming_strings: "on" };
    const settings: Record<string, string> = {};
    for (const [name, value] of Object.entries(wanted)) {
      // What another session begins with: this one has set its own.
      const [row] = await query<{ value: string }>(
        session,
        `SELECT reset_val AS value FROM pg_catalog.pg_settings WHERE name = '${name}'`,
      );
      // Only where it is needed: a pooler may not let settings through.
      if (row?.value !== value) settings[name] = value;
    }
    return { serverMajor: Math.floor(session.serverVersion / 10_000), settings };
  });
  const programs = await findPgDump({ serverMajor, environment });
  return { programs, connection: connectionEnvironment({ url, client, major: programs.major, settings }) };
}

interface Dumping extends Copier {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress | undefined;
}

async function dump(session: Session, dumping: Dumping): Promise<BackupContent> {
  const { path, signal, programs } = dumping;
  // pg_dump would let others read it.
  await (await open(path, "wx", 0o600)).close();
  try {
    const tables = await inSnapshot(
      session,
      (schemas) => dumpBesideReading(session, { ...dumping, schemas }),
    );
    return await contentOf(await openArchive({ programs, path, signal }), tables);
  } catch (error) {
    await removeLeft([path]);
    throw error;
  }
}

/** Lets pg_dump work, and reads the rows for the digests meanwhile, in the same snapshot. */
async function dumpBesideReading(
  session: Session,
  { path, schemas, signal, onProgress, programs, connection }: Dumping & { readonly schemas: Schemas },
): Promise<readonly TableContent[]> {
  const [row] = await query<{ id: string }>(session, "SELECT pg_export_snapshot() AS id");
  const failed = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    failed.abort();
  };
  failed.signal.addEventListener("abort", () => void session.close());
  const args = [
    "--format=custom",
    "--no-password",
    "--encoding=UTF8",
    ...schemas.map((each) => `--schema=${quoteName(each)}`),
    "--strict-names",
    `--snapshot=${row!.id}`,
    `--lock-wait-timeout=${lockTimeoutMs}`,
    `--file=${path}`,
    // Of the planner: the server gathers it anew.
    ...programs.major >= 18 ? ["--no-statistics"] : [],
  ];
  const run = {
    program: programs.pgDump,
    args,
    environment: connection,
    signal: AbortSignal.any([signal, failed.signal]),
  };
  const [, tables] = await Promise.all([
    runProgram(run, readOutput).catch(fail),
    readTables(session, schemas, onProgress).catch(fail),
  ]);
  if (failure !== undefined) throw failure.error;
  return tables ?? [];
}

/** Restores a copy aside where that can be, or reads back what it holds. */
async function prove(
  task: BackupTask,
  { path, programs, onProgress, onRestored, readsAccount }: Pick<Dumping, "path" | "programs"> & ProveOptions,
): Promise<Proven & ProvenCopy> {
  const archive = await openArchive({ programs, path, signal: task.signal });
  const { schemas } = archive;
  const { restored, ...proven } = await withScratch(task, {
    holds: "all",
    isTried: onRestored !== undefined,
    code: { text: archive.calling, functions: archive.functions },
  }, async (scratch, aside) => {
    await inTransaction(scratch, { mode: "write" }, async () => {
      for (const each of schemas) await ensureSchema(scratch, each);
      await loadArchive(scratch, archive, {
        owners: false,
        behindRows: (after) => aside.standIns.forCopy(after, schemas),
      });
    });
    const { tables, sequences, account } = await inTransaction(scratch, { mode: "snapshot" }, async () => ({
      account: readsAccount ? { account: await readAccount(scratch, schemas[0]) } : {},
      tables: await readTables(scratch, schemas, onProgress),
      sequences: await readSequences(scratch, schemas),
    }));
    const content = await contentOf(archive, tables);
    refuseOtherSequences(await archive.sequences(), sequences);
    if (onRestored !== undefined) await tryOn(scratch, { content, ...aside }, onRestored);
    return { content, ...account };
  });
  if (restored !== null) return { ...restored, ...proven, proof: "scratch database" };
  const reader = openAccountReader();
  const content = await contentOf(archive, await readBack(archive, reader));
  const account = readsAccount ? { account: reader.account() } : {};
  return { content, ...account, ...proven, proof: "read back" };
}

/** Returns where each sequence of schemas stands, as pg_dump writes it: `5, true`. */
async function readSequences(session: Session, schemas: Schemas): Promise<readonly string[]> {
  const names = await query<{ name: string }>(
    session,
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN (${schemaList(schemas)}) AND c.relkind = 'S' AND ${
      isNotOfExtension("pg_class", "c.oid")
    }`,
  );
  const found: string[] = [];
  for (const { name } of names) {
    const [row] = await query<{ state: string }>(
      session,
      `SELECT format('%s, %s', last_value, CASE WHEN is_called THEN 'true' ELSE 'false' END) AS state FROM ${name}`,
    );
    found.push(row!.state);
  }
  return found;
}

/** @throws {HarborError} `backup_failed` when sequences do not stand where the archive's statements put them */
function refuseOtherSequences(statements: readonly string[], standing: readonly string[]): void {
  const wanted = statements.map((text) => /(-?\d+, (?:true|false))\);?\s*$/.exec(text)?.[1] ?? text);
  if (wanted.toSorted().join("; ") === standing.toSorted().join("; ")) return;
  throw damagedCopy("its sequences did not come to where they were");
}

async function readBack(archive: Archive, reader: AccountReader): Promise<readonly TableContent[]> {
  const tables: TableContent[] = [];
  await archive.data({
    async rows({ schema, name, columns }, rows) {
      const digest = digestRows(columns);
      const known = contentName(archive.schemas[0], { schema, name });
      for await (const piece of reader.of({ name: known, columns }, rows)) digest.add(piece);
      tables.push(digest.content(known));
    },
  });
  return tables.toSorted((one, other) => compareTexts(one.name, other.name));
}

/**
 * Adds to rows what the archive holds beside them. Sequences are asked of it, for they are in no snapshot: on a server at
 * work they go on between a reading of ours and that of pg_dump.
 */
async function contentOf(archive: Archive, tables: readonly TableContent[]): Promise<BackupContent> {
  return {
    serverVersion: archive.serverVersion,
    tables,
    schema: await shapeDigest(archive),
    state: hash("sha256", JSON.stringify(await archive.sequences()), "hex"),
  };
}

async function shapeDigest(archive: Archive): Promise<string> {
  const { before, after } = await archive.statements({ owners: true, rights: true });
  return hash("sha256", JSON.stringify([before, after].map((text) => text.replaceAll(words, ""))), "hex");
}

/** What pg_restore itself writes between definitions, which another release of it may word otherwise. */
const words = /^(--|-- Name: .*; Type: .*; Schema: .*|SET default_\w+ = .*;|)\n/gm;
