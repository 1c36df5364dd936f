import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import { stopBackupIfAsked } from "../../base/stop_backup.ts";
import type { FileDigest } from "../../base/files/file_digest.ts";
import { changedFile } from "./changed_file.ts";
import { readShort } from "./answer_body.ts";
import type { BucketRequests } from "./requests.ts";
import { parseUploadId, parseUploads, renderParts, requireCompleted } from "./rules/answers.ts";
import { digestHeader, onlyNew } from "./rules/headers.ts";
import { partSize } from "./rules/part_size.ts";

export interface PartsUpload {
  readonly requests: BucketRequests;
  readonly key: string;
  readonly path: string;
  readonly file: FileHandle;
  readonly object: FileDigest;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  readonly partBytes: number;
}

/** How long an upload that failed is given to be taken back. */
const abortMs = 15_000;

/** Nobody uploads a part of one file for longer, by the service's own clock. */
const abandonedMs = 7 * 24 * 3_600_000;

/**
 * Stores a file in parts. It is there with the last request, or not at all; what was sent of one that failed is taken back.
 *
 * @returns Whether it was stored; `false` when something has its name
 */
export async function uploadParts(upload: PartsUpload): Promise<boolean> {
  const { requests, key, object, signal } = upload;
  await takeBackAbandoned(upload);
  const headers = { "content-type": "application/octet-stream", [digestHeader]: object.sha256 };
  const begun = await requests.send({ method: "POST", key, query: { uploads: "" }, headers }, signal);
  const uploadId = await understood(upload, begun, parseUploadId);
  try {
    return await complete(upload, uploadId, await sendParts(upload, uploadId));
  } catch (error) {
    await takeBack(upload, uploadId);
    throw error;
  }
}

/** Sends all parts, and returns the tags by which the service knows them. */
async function sendParts(upload: PartsUpload, uploadId: string): Promise<readonly string[]> {
  const { requests, key, path, file, object, signal, onBytes, partBytes } = upload;
  const tags: string[] = [];
  const whole = createHash("sha256");
  const buffer = new Uint8Array(partSize(object.bytes, partBytes));
  for (let at = 0; at < object.bytes;) {
    const body = buffer.subarray(0, Math.min(buffer.length, object.bytes - at));
    for (let filled = 0; filled < body.length;) {
      const { bytesRead } = await file.read(body, filled, body.length - filled, at + filled);
      if (bytesRead === 0) throw changedFile(path);
      filled += bytesRead;
    }
    whole.update(body);
    const query = { partNumber: String(tags.length + 1), uploadId };
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const response = await requests.send({ method: "PUT", key, query, headers, body }, signal);
    await response.body?.cancel();
    const tag = response.headers.get("etag");
    if (tag === null) throw requests.failure("it does not confirm a part of what it got");
    tags.push(tag);
    at += body.length;
    onBytes(at);
  }
  if (whole.digest("hex") !== object.sha256) throw changedFile(path);
  return tags;
}

async function complete(
  upload: PartsUpload,
  uploadId: string,
  tags: readonly string[],
): Promise<boolean> {
  const { requests, key, signal } = upload;
  // Not every service keeps the condition here that it keeps for an object in one piece (Ceph 16 does not).
  const look = await requests.send({ method: "HEAD", key, answers: [404] }, signal);
  await look.body?.cancel();
  if (look.ok) {
    await takeBack(upload, uploadId);
    return false;
  }
  const body = new TextEncoder().encode(renderParts(tags));
  const request = { method: "POST", key, query: { uploadId }, body } as const;
  const headers = { "content-type": "application/xml" };
  const conditional = { ...request, headers: { ...headers, ...onlyNew }, answers: [412, 501] };
  let response = await requests.send(conditional, signal);
  if (response.status === 412) {
    await response.body?.cancel();
    await takeBack(upload, uploadId);
    return false;
  }
  if (response.status === 501) {
    await response.body?.cancel();
    response = await requests.send({ ...request, headers }, signal);
  }
  await understood(upload, response, requireCompleted);
  return true;
}

async function understood<T>(
  { requests, signal }: PartsUpload,
  response: Response,
  parse: (text: string) => T,
): Promise<T> {
  try {
    return parse(await readShort(response, requests.patienceMs));
  } catch (error) {
    stopBackupIfAsked(signal);
    throw requests.failure(`its answer to an upload cannot be read: ${messageOf(error)}`, error);
  }
}

/** Nobody sees what was sent, and somebody would pay for it. What cannot be taken back now the next delivery takes back. */
async function takeBack({ requests, key }: PartsUpload, uploadId: string): Promise<void> {
  try {
    const request = { method: "DELETE", key, query: { uploadId }, answers: [404] } as const;
    await (await requests.send(request, AbortSignal.timeout(abortMs))).body?.cancel();
  } catch {
    // What made the upload fail is the error to tell.
  }
}

/** Takes back what killed deliveries to this place began long ago. Not every service, nor every key, can list those. */
async function takeBackAbandoned(upload: PartsUpload): Promise<void> {
  const { requests, key, signal } = upload;
  const prefix = key.slice(0, key.lastIndexOf("/") + 1);
  try {
    const query = { "uploads": "", "encoding-type": "url", prefix };
    const response = await requests.send({
      method: "GET",
      key: "",
      query,
      answers: [400, 403, 404, 405, 501],
    }, signal);
    const now = Date.parse(response.headers.get("date") ?? "");
    for (const each of parseUploads(await readShort(response, requests.patienceMs, 1024 * 1024))) {
      const isOurs = ownName.test(each.key.slice(prefix.length)) && each.key.startsWith(prefix);
      if (isOurs && now - each.begunAt > abandonedMs) await takeBack({ ...upload, key: each.key }, each.id);
    }
  } catch {
    // The delivery itself says what is wrong with the place.
  }
}

/** What only a copy of ours is called: `openharbor-20260728T101112123Z-71dda59686db.db.zst`. */
const ownName = /^[A-Za-z0-9_.-]+-\d{8}T\d{9}Z-[A-Za-z0-9_-]+\.[A-Za-z0-9.]+$/;
