import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import type { TableContent } from "../../backup/content.ts";
import { hash } from "node:crypto";
import { stat } from "node:fs/promises";
import type {
  BackupContent,
  BackupEngine,
  OnProgress,
  ProvenCopy,
  ProveOptions,
  RestoreOptions,
} from "../../backup/engine.ts";
import { readDefinitions, readSequenceValues } from "./definitions.ts";
import { type CopyWriter, type Header, scriptOf, writeCopyFile } from "./write_file.ts";
import { dependentsLeftOut, putBack, readDependents } from "./dependents.ts";
import { type CopyVisitor, readCopyFile } from "./read_file.ts";
import {
  dropContent,
  dropSchemas,
  ensureSchema,
  prepareSchemas,
  refuseLosses,
  takeDownEventTriggers,
} from "./replace.ts";
import { type Aside, scratchObstacle, tryOn, withScratch } from "./scratch.ts";
import { type BackupTask, inTransaction, query, taskFailure, withBackupSession } from "./session.ts";
import {
  contentName,
  copyTarget,
  findSchemas,
  inSnapshot,
  listTables,
  progressMeter,
  readRows,
  readTables,
  schemaList,
  type Schemas,
  sizeOf,
  versionName,
} from "./tables.ts";
import { openAccountReader, readAccount } from "./account.ts";
import { listUncarried } from "./uncarried.ts";
import type { Client } from "../../database.ts";
import type { Session } from "../session/session.ts";
import { requireToDefine, requireToLoad } from "../trust/trust.ts";
import { digestRows } from "./digest.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/**
 * Makes copies of PostgreSQL schemas without PostgreSQL's client programs: tables, sequences and rows, in an SQL
 * script that psql could run as well. What else the schemas have is named by {@link BackupEngine.uncarried}; where a
 * copy is restored, it stays.
 */
export function openHarborEngine(url: PostgresUrl, client: Client): Promise<BackupEngine> {
  const taskOf = (verb: BackupTask["verb"], signal: AbortSignal): BackupTask => ({
    url,
    client,
    signal,
    verb,
  });
  const examine = <T>(work: (session: Session, schemas: Schemas) => Promise<T>) =>
    withBackupSession(
      taskOf("examine", new AbortController().signal),
      (session) => inSnapshot(session, (schemas) => work(session, schemas)),
    );

  return Promise.resolve({
    name: "harbor",
    keepsTrials: "on the server",
    suffix: ".sql",
    estimate: () => examine(estimate),
    uncarried: () => examine(listUncarried),
    dump: (path, signal, onProgress) =>
      withBackupSession(taskOf("copy", signal), (session) =>
        inSnapshot(session, (schemas) => {
          const [schema, ...others] = schemas;
          const header = { serverVersion: versionName(session), schema, schemas: others };
          return writeCopyFile(path, header, (writer) => dump(session, { schemas, writer, onProgress }));
        })),
    trialObstacle: () => scratchObstacle(taskOf("examine", new AbortController().signal)),
    async prove(path, signal, { onProgress, onRestored, readsAccount } = {}) {
      const task = taskOf("prove a copy of", signal);
      const file = { path, signal, onProgress, readsAccount };
      try {
        const { restored, ...proven } = await withScratch(task, {
          holds: "tables",
          isTried: onRestored !== undefined,
          code: {
            text: async () => (await visit({ path, signal }, skipRows)).definitions.join("\n"),
            functions: () => Promise.resolve([]),
          },
        }, async (scratch, aside) => {
          const found = await restoreAside(scratch, file, aside);
          const { content } = found;
          if (onRestored !== undefined) await tryOn(scratch, { content, ...aside }, onRestored);
          return found;
        });
        if (restored !== null) return { ...restored, ...proven, proof: "scratch database" };
        return { ...await readBack(file), ...proven, proof: "read back" };
      } catch (error) {
        throw taskFailure(task, error);
      }
    },
    restore: (path, signal, options) =>
      withBackupSession(
        taskOf("restore", signal),
        (session) => restore(session, { path, signal, url, options }),
      ),
  });
}

interface FileToRead {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
}

interface FileToProve extends FileToRead, Pick<ProveOptions, "readsAccount"> {}

/** Rows take less as text than in the database; what the database keeps compressed takes more. */
async function estimate(session: Session, schemas: Schemas): Promise<number> {
  const [row] = await query<{ bytes: string | number | bigint }>(
    session,
    `SELECT coalesce(sum(pg_relation_size(c.oid) + 3 * coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)), 0)
      AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN (${schemaList(schemas)}) AND c.relkind = 'r'`,
  );
  return Number(row!.bytes) + 65_536;
}

async function dump(
  session: Session,
  { schemas, writer, onProgress }: {
    readonly schemas: Schemas;
    readonly writer: CopyWriter;
    readonly onProgress: OnProgress | undefined;
  },
): Promise<BackupContent> {
  const { before, values, after } = await readDefinitions(session, schemas);
  const [home] = schemas;
  const tables = await listTables(session, schemas);
  const meter = progressMeter(sizeOf(tables), onProgress);
  await writer.definitions(before);
  const contents: TableContent[] = [];
  for (const table of tables) {
    const named = { name: contentName(home, table), columns: table.columns, target: copyTarget(table) };
    const content = await writer.rows(named, (write) => {
      const take = (piece: Uint8Array) => {
        meter(piece);
        return write(piece);
      };
      return readRows(session, { home, table, take });
    });
    contents.push(content);
  }
  await writer.definitions(values);
  await writer.definitions(after);
  await writer.end();
  return {
    serverVersion: versionName(session),
    tables: contents,
    schema: shapeDigest([scriptOf(before), scriptOf(after)]),
    state: shapeDigest([scriptOf(values)]),
  };
}

/** The values of sequences are no shape, since they change with every row: they get a digest of their own. */
function shapeDigest(scripts: readonly (string | undefined)[]): string {
  return hash("sha256", JSON.stringify(scripts), "hex");
}

/** Restores a copy into an empty database and returns what came out. */
async function restoreAside(
  scratch: Session,
  file: FileToProve,
  { standIns }: Pick<Aside, "standIns">,
): Promise<ProvenCopy> {
  let copied: Schemas | undefined;
  const { header, definitions } = await inTransaction(
    scratch,
    { mode: "write" },
    () =>
      load(scratch, {
        ...file,
        share: 0.6,
        async onHeader(found) {
          copied = schemasOf(found);
          for (const each of copied) await ensureSchema(scratch, each);
        },
        async onDefinitions(text) {
          // References stand in the last ones, behind the rows.
          await standIns.forCopy(text, copied!);
          await scratch.script(text);
        },
      }),
  );
  const schemas = schemasOf(header);
  const { tables, values, account } = await inTransaction(scratch, { mode: "snapshot" }, async () => ({
    account: file.readsAccount ? { account: await readAccount(scratch, header.schema) } : {},
    tables: await readTables(scratch, schemas, (share) => file.onProgress?.(0.6 + 0.4 * share)),
    values: await readSequenceValues(scratch, schemas),
  }));
  const content = {
    serverVersion: header.serverVersion,
    tables,
    schema: shapeDigest([definitions[0], definitions[2]]),
    state: shapeDigest([scriptOf(values)]),
  };
  return { content, ...account };
}

/** Puts a copy in the place of what is there, in one transaction. */
async function restore(
  session: Session,
  { url, options, ...file }: FileToRead & {
    readonly url: PostgresUrl;
    readonly options: RestoreOptions | undefined;
  },
): Promise<void> {
  await inTransaction(session, { mode: "write" }, async () => {
    let putBackWhatHungOnIt = () => Promise.resolve();
    await load(session, {
      ...file,
      onProgress: options?.onProgress,
      share: 1,
      async onDefinitions(text) {
        await requireToDefine(session, url, text);
        await session.script(text);
        await requireToLoad(session, url);
      },
      async onHeader(header) {
        const schemas = schemasOf(header);
        const all = [...new Set([...schemas, ...await findSchemas(session, schemas[0])])];
        await prepareSchemas(session, url, schemas);
        const putUpEventTriggers = await takeDownEventTriggers(session, all);
        const kept = await readDependents(session, all);
        const gone = await dropContent(session, { schemas: all, what: "tables" });
        refuseLosses(dependentsLeftOut(gone, kept));
        putBackWhatHungOnIt = async () => {
          await putBack(session, gone, kept);
          await dropSchemas(session, all.filter((name) => !schemas.includes(name)));
          for (const each of await putUpEventTriggers()) options?.onRemark?.(each);
        };
      },
    });
    await putBackWhatHungOnIt();
    // The answer does not matter: when the lock was lost meanwhile, asking for its holder fails.
    await options?.database?.lockHolder();
  });
}

function schemasOf({ schema, schemas }: Header): Schemas {
  return [schema, ...schemas];
}

interface Loaded {
  readonly header: Header;
  readonly definitions: readonly string[];
}

/** Runs a copy's script in a transaction of the caller. */
async function load(
  session: Session,
  { onHeader, onDefinitions, share, ...file }: FileToRead & {
    /** How much of the whole task this is. */
    readonly share: number;
    readonly onHeader: (header: Header) => Promise<void>;
    /** Without it they are run. */
    readonly onDefinitions?: (text: string) => Promise<void>;
  },
): Promise<Loaded> {
  return await visit({ ...file, onProgress: (done) => file.onProgress?.(done * share) }, {
    header: onHeader,
    definitions: onDefinitions ?? ((text) => session.script(text)),
    rows: ({ statement }, rows) => session.copyIn(statement, rows),
  });
}

/** Reads a copy and returns what it holds, row by row. */
async function readBack(file: FileToProve): Promise<ProvenCopy> {
  const tables: TableContent[] = [];
  const reader = openAccountReader();
  const { header, definitions } = await visit(file, {
    async rows({ name, columns }, rows) {
      const digest = digestRows(columns);
      for await (const piece of reader.of({ name, columns }, rows)) digest.add(piece);
      tables.push(digest.content(name));
    },
  });
  const content = {
    serverVersion: header.serverVersion,
    tables,
    schema: shapeDigest([definitions[0], definitions[2]]),
    state: shapeDigest([definitions[1]]),
  };
  return { content, ...file.readsAccount ? { account: reader.account() } : {} };
}

const skipRows: Omit<CopyVisitor, "onRead"> = {
  async rows(_, rows) {
    for await (const _piece of rows);
  },
};

/** Reads a copy to its end, and collects what is said once. */
async function visit(
  { path, signal, onProgress }: FileToRead,
  visitor: Omit<CopyVisitor, "onRead">,
): Promise<Loaded> {
  const { size } = await stat(path);
  let header: Header | undefined;
  const definitions: string[] = [];
  let read = 0;
  await readCopyFile(path, {
    async header(found) {
      header = found;
      await visitor.header?.(found);
    },
    async definitions(text) {
      definitions.push(text);
      await visitor.definitions?.(text);
    },
    rows: visitor.rows,
    onRead(bytes) {
      stopBackupIfAsked(signal);
      read += bytes;
      onProgress?.(read / size);
    },
  });
  return { header: header!, definitions };
}
