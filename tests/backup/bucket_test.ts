import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { type Bucket, openBucket } from "../../src/backup/bucket/bucket.ts";
import { findBucketKeys, parseBucketAddress } from "../../src/backup/bucket/rules/address.ts";
import { withFolder } from "../support/databases.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import { failureOf, rejectsWith } from "../support/harbor_error.ts";
import { type Meddle, type S3Server, withS3Server } from "../support/servers/s3_server.ts";

const { signal } = new AbortController();

function open({ endpoint, env }: Pick<S3Server, "endpoint" | "env">, patienceMs = 60_000): Bucket {
  const address = parseBucketAddress(`s3://copies/nightly?endpoint=${endpoint}`, {});
  const keys = findBucketKeys(address, env);
  return openBucket({ address, keys, pauseMs: 1, patienceMs, partBytes: 1024 * 1024 });
}

/** A file of so many bytes, with its digest. */
function makeFile(folder: string, bytes: number) {
  const path = join(folder, `file_${bytes}`);
  const content = randomBytes(bytes);
  writeFileSync(path, content);
  return {
    path,
    content,
    object: { name: "a.db", bytes, sha256: createHash("sha256").update(content).digest("hex") },
  };
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return new Uint8Array(await new Blob(all as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

async function assertRejects(
  promise: Promise<unknown>,
  { code, message }: { readonly code: ErrorCode; readonly message: RegExp },
): Promise<void> {
  assert.match((await rejectsWith(code, promise)).message, message);
}

const options = { signal, onBytes: () => {} };

// One server for all.
test("a bucket", async (t) => {
  await withS3Server((server) =>
    withFolder(async (folder) => {
      const bucket = open(server);
      const small = makeFile(folder, 70_000);
      const large = makeFile(folder, 1_500_000);

      await t.test("keeps a file with its digest, and never another one under its name", async () => {
        assert.equal(await bucket.putFile(small.path, small.object, options), true);
        assert.deepEqual(await bucket.look("a.db", signal), { bytes: 70_000, sha256: small.object.sha256 });
        assert.equal(await bucket.putText("a.db", "other", signal), false);
        assert.deepEqual(await readAll(bucket.read("a.db", 70_000, signal)), new Uint8Array(small.content));
        await bucket.remove("a.db", signal);
        assert.equal(await bucket.look("a.db", signal), null);
      });

      await t.test("takes a long file in parts, with the digest of the whole", async () => {
        const sent: number[] = [];
        const onBytes = (bytes: number) => void sent.push(bytes);
        assert.equal(await bucket.putFile(large.path, large.object, { signal, onBytes }), true);
        assert.deepEqual(sent, [1024 * 1024, 1_500_000]);
        const { bytes, sha256 } = large.object;
        assert.deepEqual(await bucket.look("a.db", signal), { bytes, sha256 });
        assert.deepEqual(await readAll(bucket.read("a.db", bytes, signal)), new Uint8Array(large.content));
        const other = makeFile(folder, 1_600_000);
        assert.equal(await bucket.putFile(other.path, other.object, options), false);
        assert.equal((await bucket.look("a.db", signal))!.sha256, sha256);
        await bucket.remove("a.db", signal);
      });

      await t.test("stores nothing of a file that is another one by now", async () => {
        for (const { path, object } of [small, large]) {
          const put = bucket.putFile(path, { ...object, sha256: "0".repeat(64) }, options);
          await assertRejects(put, { code: "damaged_backup", message: /SHA-256 differs/ });
          assert.equal(await bucket.look("a.db", signal), null);
        }
      });

      await t.test("takes an upload back that fails half way", async () => {
        const meddle: Meddle = async ({ method, query }, pass) => {
          if (method === "PUT" && query["partNumber"] === "2") return { status: 403, body: denied };
          await pass();
        };
        await server.meddling(meddle, async () => {
          const put = bucket.putFile(large.path, large.object, options);
          await assertRejects(put, { code: "bucket_failed", message: /these keys may not \(AccessDenied/ });
        });
        assert.match(server.requests.at(-1)!, /^DELETE nightly\/a\.db$/);
        assert.deepEqual(await server.keys(), []);
      });

      await t.test("goes on where an answer broke off, with the rest of the same object alone", async () => {
        await bucket.putFile(small.path, small.object, options);
        let cuts = 0;
        const ranges: unknown[] = [];
        await server.meddling(async ({ headers }, pass) => {
          ranges.push(headers["range"]);
          const passed = await pass();
          if (cuts++ < 2) await passed.cut(20_000);
        }, async () => {
          assert.deepEqual(await readAll(bucket.read("a.db", 70_000, signal)), new Uint8Array(small.content));
        });
        assert.deepEqual(ranges.map((each) => each !== undefined), [false, true, true]);
      });

      // One row a server that sends a piece now and then: how large each is, and how many bytes there are.
      for (
        const [how, piece, bytes] of [["drips", 1, 70_000], ["is slow", 200, 6_000]] as const
      ) {
        await t.test(`waits for no answer that drips, and for one that is slow: it ${how}`, async () => {
          const asked: unknown[] = [];
          const meddle: Meddle = ({ headers }) => {
            const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? 0);
            asked.push(from);
            const body = Readable.from((async function* () {
              for (let at = from; at < bytes; at += piece) {
                await new Promise((resolve) => setTimeout(resolve, 20));
                yield new Uint8Array(piece);
              }
            })());
            const range = { "content-range": `bytes ${from}-${bytes - 1}/${bytes}` };
            return Promise.resolve({
              status: from === 0 ? 200 : 206,
              headers: { "etag": '"1"', "content-length": String(bytes - from), ...from === 0 ? {} : range },
              body,
            });
          };
          const impatient = open(server, 400);
          await server.meddling(meddle, async () => {
            const reading = readAll(impatient.read("a.db", bytes, signal));
            if (how === "is slow") return assert.equal((await reading).length, bytes);
            await assertRejects(reading, {
              code: "bucket_failed",
              message:
                /"a\.db" breaks off after \d+ of 70000 bytes \(for 400 ms less than 1 kB a second came\)/,
            });
            assert.equal(asked.length, 4);
          });
        });
      }

      await t.test("goes on, however often, where an answer stalls that came fast enough before", async () => {
        const [bytes, piece] = [6_000, 1_000];
        let asked = 0;
        const meddle: Meddle = ({ headers }) => {
          asked++;
          const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? 0);
          const body = Readable.from((async function* () {
            yield new Uint8Array(piece);
            if (from + piece < bytes) await new Promise((resolve) => setTimeout(resolve, 1_000));
          })());
          const range = { "content-range": `bytes ${from}-${bytes - 1}/${bytes}` };
          return Promise.resolve({
            status: from === 0 ? 200 : 206,
            headers: { "etag": '"1"', "content-length": String(bytes - from), ...from === 0 ? {} : range },
            body,
          });
        };
        await server.meddling(meddle, async () => {
          assert.equal((await readAll(open(server, 200).read("a.db", bytes, signal))).length, bytes);
        });
        assert.equal(asked, bytes / piece);
      });

      // One row a hostile answer to a list: what of it is refused.
      const lists: readonly (readonly [string, string, RegExp])[] = [
        ["no XML", "hello", /cannot be read/],
        ["another answer", "<Other/>", /Other instead of ListBucketResult/],
        [
          "a list without an end",
          "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken></ListBucketResult>",
          /does not end/,
        ],
        [
          "a list that goes on nowhere",
          "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
          /does not say how to ask/,
        ],
        [
          "an entity",
          '<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult>&b;</ListBucketResult>',
          /cannot be read/,
        ],
      ];
      for (const [what, body, message] of lists) {
        await t.test(`refuses ${what} as a list`, () =>
          server.meddling(() => Promise.resolve({ status: 200, body }), () =>
            assertRejects(bucket.list(signal), { code: "bucket_failed", message })));
      }

      await t.test("stops in the middle of a list when it is asked to", async () => {
        const stop = new AbortController();
        const body = () =>
          Readable.from((async function* () {
            yield "<ListBucketResult>";
            stop.abort();
            await new Promise(() => {});
          })());
        await server.meddling(
          () =>
            Promise.resolve({ status: 200, body: body() }),
          async () => assert.equal((await failureOf(bucket.list(stop.signal))).code, "interrupted"),
        );
      });

      await t.test("follows no redirect, and names the region that it is told", async () => {
        const headers = { "location": `${server.endpoint}/elsewhere`, "x-amz-bucket-region": "eu-west-1" };
        const before = server.requests.length;
        await server.meddling(() =>
          Promise.resolve({ status: 307, headers }), () =>
          assertRejects(bucket.list(signal), {
            code: "bucket_failed",
            message: /redirects to the region eu-west-1/,
          }));
        assert.deepEqual(server.requests.slice(before), ["GET "]);
      });

      // One row a code: what is said of it, also where the answer itself has no words.
      const refusals = [
        ["RequestTimeTooSkewed", /clock of this machine is wrong/],
        ["InvalidAccessKeyId", /does not know the access key/],
        ["NoSuchBucket", /there is no such bucket/],
      ] as const;
      for (const [code, message] of refusals) {
        await t.test(`says what ${code} means, of an object too`, () => {
          const body = `<Error><Code>${code}</Code></Error>`;
          return server.meddling(
            () =>
              Promise.resolve({ status: 403, body }),
            () =>
              assertRejects(bucket.look("a.db", signal), { code: "bucket_failed", message }),
          );
        });
      }

      await t.test("asks again when it is too busy, and gives up in the end", async () => {
        let left = 3;
        const meddle: Meddle = async (_request, pass) => {
          if (left-- > 0) {
            return { status: 503, body: "<Error><Code>SlowDown</Code></Error>" };
          }
          await pass();
        };
        await server.meddling(meddle, async () => assert.equal((await bucket.list(signal)).size, 1));
        left = 4;
        await server.meddling(meddle, () =>
          assertRejects(bucket.list(signal), {
            code: "bucket_failed",
            message: /SlowDown, HTTP status 503/,
          }));
      });

      await t.test("believes no upload that is confirmed and failed", async () => {
        const meddle: Meddle = async ({ method, query }, pass) => {
          if (method === "POST" && "uploadId" in query) {
            return { status: 200, body: "<Error><Code>InternalError</Code></Error>" };
          }
          await pass();
        };
        await server.meddling(meddle, () =>
          assertRejects(bucket.putFile(large.path, { ...large.object, name: "b.db" }, options), {
            code: "bucket_failed",
            message: /Error instead of CompleteMultipartUploadResult/,
          }));
        assert.deepEqual(await server.keys(), ["nightly/a.db"]);
      });

      await t.test("takes a service that knows no condition, and stops when it is asked to", async () => {
        const meddle: Meddle = async ({ headers }, pass) => {
          if ("if-none-match" in headers) {
            return { status: 501, body: "<Error><Code>NotImplemented</Code></Error>" };
          }
          await pass();
        };
        await server.meddling(meddle, async () =>
          assert.equal(await bucket.putText("c", "c", signal), true));
        const stop = AbortSignal.abort();
        assert.equal((await failureOf(bucket.list(stop))).code, "interrupted");
      });
    })
  );
  // Nobody listens there any more.
  const gone = open({
    endpoint: "http://127.0.0.1:9",
    env: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" },
  });
  await assertRejects(gone.list(signal), {
    code: "bucket_failed",
    message: /"127\.0\.0\.1:9" cannot be reached/,
  });
});

const denied = "<Error><Code>AccessDenied</Code></Error>";
