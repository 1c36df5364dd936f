import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { HarborError, messageOf } from "../../base/errors.ts";
import { stopBackupIfAsked } from "../../base/stop_backup.ts";
import type { FileDigest } from "../../base/files/file_digest.ts";
import { type ListPage, parseListPage } from "./rules/answers.ts";
import type { BucketAddress } from "./rules/address.ts";
import { digestHeader, onlyNew } from "./rules/headers.ts";
import { piecesOf, readBytes, readShort, Stalled } from "./answer_body.ts";
import { changedFile } from "./changed_file.ts";
import { type BucketConnection, mostAttempts, openRequests } from "./requests.ts";
import { uploadParts } from "./upload_parts.ts";

/** What a bucket says of an object. */
export interface StoredObject {
  readonly bytes: number;
  /** The SHA-256 that it was stored with by harbor-db; `null` without one. */
  readonly sha256: string | null;
}

/** What to store, under which name. */
export interface NewObject extends FileDigest {
  readonly name: string;
}

/** The objects of a bucket below a prefix, by their names behind it. */
export interface Bucket {
  readonly address: BucketAddress;
  /** Returns the lengths of what lies right below the prefix, by name. */
  list(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Looks at an object; `null` when there is none. */
  look(name: string, signal: AbortSignal): Promise<StoredObject | null>;
  /**
   * Reads a short object; `null` when there is none.
   * @throws {RangeError} when it is longer than it may be
   */
  readText(name: string, most: number, signal: AbortSignal): Promise<string | null>;
  /** Reads an object of a known length, and goes on where an answer broke off. */
  read(name: string, bytes: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Stores a text, unless something has its name.
   *
   * @returns Whether it was stored
   */
  putText(name: string, text: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Stores a file whose digest is known, unless something has its name. Until the last byte is there nothing is.
   *
   * @param onBytes Told how many bytes are there
   * @returns Whether it was stored
   */
  putFile(path: string, object: NewObject, options: PutOptions): Promise<boolean>;
  /** Removes an object; one that is gone is removed. */
  remove(name: string, signal: AbortSignal): Promise<void>;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/** More objects than this are no folder of backups. */
const mostPages = 1_000;

/** A list of a thousand names is shorter. */
const longestList = 16 * 1024 * 1024;

export function openBucket(connection: BucketConnection): Bucket {
  const { address, partBytes } = connection;
  const requests = openRequests(connection);
  const { send, failure, pause, patienceMs } = requests;
  const keyOf = (name: string) => address.prefix + name;

  async function readPage(query: Record<string, string>, signal: AbortSignal): Promise<ListPage> {
    const response = await send({ method: "GET", key: "", query }, signal);
    try {
      return parseListPage(await readShort(response, patienceMs, longestList));
    } catch (error) {
      stopBackupIfAsked(signal);
      throw failure(`its answer to a list cannot be read: ${messageOf(error)}`, error);
    }
  }

  async function look(name: string, signal: AbortSignal): Promise<StoredObject | null> {
    const response = await send({ method: "HEAD", key: keyOf(name), answers: [404] }, signal);
    await response.body?.cancel();
    if (response.status === 404) return null;
    const length = response.headers.get("content-length") ?? "";
    if (!/^\d{1,15}$/.test(length)) throw failure(`it does not say how long "${name}" is`);
    const sha256 = response.headers.get(digestHeader);
    return { bytes: Number(length), sha256: /^[0-9a-f]{64}$/.test(sha256 ?? "") ? sha256 : null };
  }

  async function put(name: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<boolean> {
    const headers = {
      "content-type": "application/octet-stream",
      "content-md5": createHash("md5").update(body).digest("base64"),
      [digestHeader]: createHash("sha256").update(body).digest("hex"),
    };
    const request = { method: "PUT", key: keyOf(name), body } as const;
    const answers = [412, 501];
    const response = await send({ ...request, headers: { ...headers, ...onlyNew }, answers }, signal);
    await response.body?.cancel();
    if (response.status !== 501) return response.ok;
    // A service that has no such condition: what was there was looked at before.
    await (await send({ ...request, headers }, signal)).body?.cancel();
    return true;
  }

  return {
    address,
    look,
    list: async (signal) => {
      const found = new Map<string, number>();
      let next: string | null = null;
      for (let page = 1;; page++) {
        const query: Record<string, string> = {
          "list-type": "2",
          "delimiter": "/",
          "encoding-type": "url",
          "prefix": address.prefix,
          ...next === null ? {} : { "continuation-token": next },
        };
        const part = await readPage(query, signal);
        for (const { key, bytes } of part.objects) {
          if (key.startsWith(address.prefix)) found.set(key.slice(address.prefix.length), bytes);
        }
        if (part.next === null) return found;
        if (part.next === next || page === mostPages) throw failure("its list of objects does not end");
        next = part.next;
      }
    },
    readText: async (name, most, signal) => {
      for (let attempt = 1;; attempt++) {
        const response = await send({ method: "GET", key: keyOf(name), answers: [404] }, signal);
        if (response.status === 404) return await response.body?.cancel(), null;
        try {
          const bytes = await readBytes(response, patienceMs, most);
          const length = response.headers.get("content-length");
          if (length === null || Number(length) === bytes.length) return new TextDecoder().decode(bytes);
          throw new Error("it is cut off");
        } catch (error) {
          stopBackupIfAsked(signal);
          if (error instanceof RangeError) throw error;
          if (attempt === mostAttempts) throw failure(`"${name}" breaks off (${messageOf(error)})`, error);
          await pause(attempt, signal);
        }
      }
    },
    read: async function* (name, bytes, signal) {
      let at = 0;
      let tag: string | null = null;
      for (let failures = 0; at < bytes;) {
        // The rest of what was begun, and of nothing else.
        const rest: Record<string, string> = at === 0 ? {} : { range: `bytes=${at}-`, "if-match": tag! };
        const response = await send({ method: "GET", key: keyOf(name), headers: rest }, signal);
        if (at > 0) {
          const range = response.headers.get("content-range") ?? "";
          if (response.status !== 206 || !range.startsWith(`bytes ${at}-`)) {
            throw failure(`it does not send the rest of "${name}"`);
          }
        }
        tag ??= response.headers.get("etag");
        let problem: unknown = new Error("it ends too soon");
        let hasCome = false;
        try {
          for await (const piece of piecesOf(response, patienceMs)) {
            stopBackupIfAsked(signal);
            if (at + piece.length > bytes) throw new RangeError(`it is longer than ${bytes} bytes`);
            at += piece.length;
            hasCome = true;
            yield piece;
          }
        } catch (error) {
          stopBackupIfAsked(signal);
          if (error instanceof HarborError) throw error;
          problem = error;
        }
        if (at === bytes) return;
        if (problem instanceof RangeError) {
          throw failure(`"${name}" is not what it was: ${problem.message}`, problem);
        }
        // What breaks off or stalls again and again comes to its end some time, but for what only drips.
        failures = hasCome && !(problem instanceof Stalled && !problem.didCome) ? 1 : failures + 1;
        if (failures === mostAttempts || tag === null) {
          throw failure(
            `"${name}" breaks off after ${at} of ${bytes} bytes (${messageOf(problem)})`,
            problem,
          );
        }
        await pause(failures, signal);
      }
    },
    putText: (name, text, signal) => put(name, new TextEncoder().encode(text), signal),
    putFile: async (path, object, { signal, onBytes }) => {
      const file = await open(path, "r");
      try {
        if (object.bytes > partBytes) {
          return await uploadParts({
            requests,
            key: keyOf(object.name),
            path,
            file,
            object,
            signal,
            onBytes,
            partBytes,
          });
        }
        const body = new Uint8Array(object.bytes);
        const { bytesRead } = await file.read(body, 0, body.length, 0);
        if (bytesRead !== body.length || createHash("sha256").update(body).digest("hex") !== object.sha256) {
          throw changedFile(path);
        }
        const isNew = await put(object.name, body, signal);
        onBytes(object.bytes);
        return isNew;
      } finally {
        await file.close();
      }
    },
    remove: async (name, signal) => {
      const response = await send({ method: "DELETE", key: keyOf(name), answers: [404] }, signal);
      await response.body?.cancel();
    },
  };
}
