import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ReadableStream } from "node:stream/web";
import * as zlib from "node:zlib";
import { HarborError, messageOf } from "../../base/errors.ts";
import type { Compression, Manifest } from "../rules/manifest.ts";
import { writeFlushing } from "../../base/files/write_flushing.ts";
import { stopBackupIfAsked } from "../../base/stop_backup.ts";
import { createFrameCheck } from "../rules/zstd_frame.ts";
import type { Encoding } from "../rules/encoding.ts";
import type { FileDigest } from "../../base/files/file_digest.ts";

/**
 * Writes a file anew, compressed and encrypted piece by piece, with mode 0600 and flushed to the disk.
 *
 * @returns The digests of what was read and of what was written
 */
export async function encodeFile(
  from: string,
  to: string,
  { encoding, signal }: { readonly encoding: Encoding; readonly signal: AbortSignal },
): Promise<{ readonly plain: FileDigest; readonly stored: FileDigest }> {
  const plain = createMeter();
  const stored = createMeter();
  const { compression, recipients } = encoding;
  await run([
    readStream(from),
    plain.pass,
    ...(compression === null ? [] : [compressor(compression)]),
    ...(recipients.length === 0 ? [] : [encryptor(recipients)]),
    stored.pass,
    (pieces) => writeFlushing(to, pieces),
  ], signal);
  return { plain: plain.digest(), stored: stored.digest() };
}

/** What a stored file is read back with. */
export interface DecodeOptions {
  readonly manifest: Pick<Manifest, "compression" | "encryption" | "plain" | "bytes">;
  /** What can decrypt it, as age writes identities. */
  readonly identities: readonly string[];
  readonly signal: AbortSignal;
  /** What errors call the file. */
  readonly name: string;
}

/**
 * Reads a stored file back as it was before compression and encryption, and writes that to `to`; `null` only reads.
 *
 * @throws {HarborError} `damaged_backup` when it cannot be decoded, or becomes longer than it was;
 * `bad_config` when no identity fits
 */
export async function decodeFile(
  from: string,
  to: string | null,
  options: DecodeOptions,
): Promise<FileDigest> {
  const { manifest, identities, signal } = options;
  const { compression, encryption } = manifest;
  const plain = createMeter(manifest.plain?.bytes ?? manifest.bytes);
  try {
    await run([
      readStream(from),
      ...(encryption === null ? [] : [decryptor(identities)]),
      ...(compression === "zstd" ? [wholeFrame] : []),
      ...(compression === null ? [] : [decompressor(compression)]),
      plain.pass,
      to === null ? drain : (pieces) => writeFlushing(to, pieces),
    ], signal);
  } catch (error) {
    throw isOfSystem(error) ? error : undecodable(options.name, plain.failure() ?? error);
  }
  return plain.digest();
}

/**
 * Makes sure that age knows the recipients, before anything is begun.
 *
 * @throws {HarborError} `bad_config`
 */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  const { Encrypter } = await import("age-encryption");
  for (const recipient of recipients) {
    try {
      new Encrypter().addRecipient(recipient);
    } catch (error) {
      throw new HarborError("bad_config", `Cannot encrypt to "${recipient}"`, {
        state: "it is no age recipient",
        hint: "Give the public key that age-keygen printed: --encrypt-to age1…",
        cause: error,
      });
    }
  }
}

/**
 * Reads the identities in a file as `age-keygen` writes it.
 *
 * @throws {HarborError} `bad_config`, never with anything of the file's content
 */
export function readIdentities(path: string): readonly string[] {
  let lines: readonly string[];
  try {
    lines = readFileSync(path, "utf8").split(/\r?\n/).map((line) => line.trim());
  } catch (error) {
    throw new HarborError(
      "bad_config",
      `Cannot read the identity file "${path}": ${messageOf(error)}`,
      {
        hint: "Give the file that age-keygen wrote: --identity key.txt",
      },
    );
  }
  const identities = lines.filter((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (identities.length > 0) return identities;
  throw new HarborError("bad_config", `Cannot read the identity file "${path}": it holds no AGE-SECRET-KEY`, {
    hint: "Give the file that age-keygen wrote, decrypted: --identity key.txt",
  });
}

type Chunks = AsyncIterable<Uint8Array>;

/** A source, what transforms it, and where it goes. */
type Stages = readonly [
  NodeJS.ReadableStream,
  ...(NodeJS.ReadWriteStream | ((source: Chunks) => Chunks))[],
  NodeJS.WritableStream | ((source: Chunks) => Promise<void>),
];

async function run(stages: Stages, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(stages, { signal });
  } catch (error) {
    stopBackupIfAsked(signal);
    throw error;
  }
}

function readStream(path: string) {
  return createReadStream(path, { highWaterMark: 1024 * 1024 });
}

/** Counts and hashes what passes. */
function createMeter(limit = Infinity) {
  const hash = createHash("sha256");
  let bytes = 0;
  let failure: Error | null = null;
  return {
    /** What it threw, which what the other stages then say may stand before. */
    failure: () => failure,
    async *pass(source: Chunks): Chunks {
      for await (const chunk of source) {
        bytes += chunk.length;
        if (bytes > limit) {
          throw failure = new Error(`it unpacks to more than the ${limit} bytes that it may have`);
        }
        hash.update(chunk);
        yield chunk;
      }
    },
    digest: (): FileDigest => ({ bytes, sha256: hash.digest("hex") }),
  };
}

async function drain(source: Chunks): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();
  while (!(await chunks.next()).done);
}

function compressor(compression: Compression) {
  if (compression === "gzip") return zlib.createGzip();
  if (zlib.createZstdCompress !== undefined) return zlib.createZstdCompress();
  throw new HarborError("bad_config", `Cannot compress with "zstd": this runtime does not have it`, {
    hint: "Use --compress gzip, or the harbor-db binary.",
  });
}

function decompressor(compression: Compression) {
  if (compression === "gzip") return zlib.createGunzip();
  if (zlib.createZstdDecompress !== undefined) return zlib.createZstdDecompress();
  throw new HarborError("bad_config", `Cannot decompress "zstd": this runtime does not have it`, {
    hint: "Use the harbor-db binary.",
  });
}

/** Passes a zstd frame on, which has to come to its end: without a manifest nothing else says whether it did. */
async function* wholeFrame(source: Chunks): Chunks {
  const check = createFrameCheck();
  for await (const piece of source) {
    check.take(piece);
    yield piece;
  }
  check.end();
}

function encryptor(recipients: readonly string[]) {
  return async function* (source: Chunks): Chunks {
    const { Encrypter } = await import("age-encryption");
    const encrypter = new Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    yield* await encrypter.encrypt(webStream(source));
  };
}

function decryptor(identities: readonly string[]) {
  return async function* (source: Chunks): Chunks {
    const { Decrypter } = await import("age-encryption");
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    yield* await decrypter.decrypt(webStream(source));
  };
}

function webStream(source: Chunks) {
  return ReadableStream.from(source) as unknown as globalThis.ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Whether the operating system failed, and not what is in the file. */
function isOfSystem(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof HarborError || /^E[A-Z]+$/.test(code ?? "");
}

function undecodable(path: string, error: unknown): HarborError {
  const message = messageOf(error);
  if (/no identity matched/i.test(message)) {
    return new HarborError("bad_config", `Cannot decrypt "${path}": none of the identities fits`, {
      hint: "Give the file with the key that it was encrypted to: --identity key.txt",
      cause: error,
    });
  }
  return new HarborError("damaged_backup", `Cannot read "${path}": ${message}`, {
    hint: "Use another one: harbor-db backup list",
    cause: error,
  });
}
