import type { TableContent } from "../../backup/content.ts";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import * as v from "valibot";
import { flushingWriter } from "../../../base/files/write_flushing.ts";
import { removeLeft } from "../../../base/files/remove.ts";
import { listOf } from "../../../base/json_schema.ts";

/**
 * The file of harbor-db's own engine: an SQL script that psql can run too, with records in between, which are comments
 * to psql. A record is a line `-- harbor-db <kind> <JSON>`:
 *
 * - `backup`, the first line: {@link Header}; `schemas` are those beside the default one, where there are any;
 * - `definitions`: `bytes` of SQL follow;
 * - `rows`: the name and columns of a table; its COPY statement and its rows follow, up to the line `\.`;
 * - `end`, behind those: how many rows and bytes there were, and their digest;
 * - `trailer`, the last line: how many bytes stand before it, and their SHA-256. Without it the file is not whole.
 */
export const records = {
  backup: v.object({
    format: v.number(),
    serverVersion: v.string(),
    schema: v.string(),
    schemas: v.optional(listOf(v.string()), []),
  }),
  definitions: v.object({ bytes: v.number() }),
  rows: v.object({ name: v.string(), columns: listOf(v.string()) }),
  end: v.object({ bytes: v.number() }),
  trailer: v.object({ bytes: v.number(), sha256: v.string() }),
};

export type Header = Readonly<v.InferOutput<typeof records.backup>>;

/** One with several schemas is none for a harbor-db that would take it for one of the default schema. */
export const formatOf = ({ schemas }: Pick<Header, "schemas">): number => schemas.length === 0 ? 1 : 2;

/** For psql; harbor-db has settings of its own. */
export const preamble = [
  "SET client_encoding = 'UTF8';",
  "SET standard_conforming_strings = on;",
  "SET check_function_bodies = off;",
  "SET row_security = off;",
  "SELECT pg_catalog.set_config('search_path', '', false);",
  "BEGIN;",
];
export const postamble = "COMMIT;";

/** Writes a copy's file from its start to its end. */
export interface CopyWriter {
  definitions(statements: readonly string[]): Promise<void>;
  /** Writes one table: `pour` gets who takes its rows, and returns what they were. */
  rows(
    table: { readonly name: string; readonly columns: readonly string[]; readonly target: string },
    pour: (take: (piece: Uint8Array) => void | Promise<void>) => Promise<TableContent>,
  ): Promise<TableContent>;
  /** Writes the trailer and waits until all is on the disk. */
  end(): Promise<void>;
}

/** What is gathered before it is written. */
const blockBytes = 1024 * 1024;

/**
 * Makes a new file, which only its owner may read, for `write` to fill, and removes it when that fails. Throws the
 * system's errors.
 */
export async function writeCopyFile<T>(
  path: string,
  header: Omit<Header, "format">,
  write: (writer: CopyWriter) => Promise<T>,
): Promise<T> {
  const file = await open(path, "wx", 0o600);
  try {
    return await write(await startWriter(file, header));
  } catch (error) {
    await removeLeft([path]);
    throw error;
  } finally {
    await file.close();
  }
}

/** Returns definitions as the file has them. */
export function scriptOf(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};\n`).join("");
}

async function startWriter(file: FileHandle, header: Omit<Header, "format">): Promise<CopyWriter> {
  const out = gather(file);
  const { schemas, ...plain } = header;
  const more = schemas.length === 0 ? {} : { schemas };
  await out.text(record("backup", { format: formatOf(header), ...plain, ...more }));
  await out.text(`${preamble.join("\n")}\n`);
  return {
    async definitions(statements) {
      const text = Buffer.from(scriptOf(statements));
      await out.text(record("definitions", { bytes: text.length }));
      await out.add(text);
    },
    async rows({ name, columns, target }, pour) {
      await out.text(record("rows", { name, columns }));
      await out.text(`COPY ${target} FROM stdin;\n`);
      const start = out.bytes();
      const content = await pour((piece) => out.add(piece));
      const bytes = out.bytes() - start;
      await out.text("\\.\n");
      await out.text(record("end", { rows: content.rows, bytes, digest: content.digest }));
      return content;
    },
    async end() {
      await out.text(`${postamble}\n`);
      const bytes = out.bytes();
      await out.text(record("trailer", { bytes, sha256: await out.digest() }));
      await out.flush();
      await file.sync();
    },
  };
}

function record(kind: string, fields: Readonly<Record<string, unknown>>): string {
  return `-- harbor-db ${kind} ${JSON.stringify(fields)}\n`;
}

/** Gathers small pieces into blocks for the disk and the checksum. */
function gather(file: FileHandle) {
  const write = flushingWriter(file);
  const block = Buffer.allocUnsafe(blockBytes);
  const checksum = createHash("sha256");
  let used = 0;
  let total = 0;

  async function put(bytes: Uint8Array): Promise<void> {
    checksum.update(bytes);
    await write(bytes);
  }

  async function flush(): Promise<void> {
    const bytes = block.subarray(0, used);
    used = 0;
    await put(bytes);
  }

  /** Without a promise as long as nothing has to be waited for: there are as many pieces as rows. */
  function add(piece: Uint8Array): void | Promise<void> {
    total += piece.length;
    if (used + piece.length <= blockBytes) {
      block.set(piece, used);
      used += piece.length;
      return;
    }
    return flush().then(() => {
      if (piece.length > blockBytes) return put(piece);
      block.set(piece);
      used = piece.length;
    });
  }

  return {
    add,
    flush,
    text: (text: string) => add(Buffer.from(text)),
    bytes: () => total,
    /** Of all bytes so far. */
    async digest() {
      await flush();
      return checksum.copy().digest("hex");
    },
  };
}
