import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { dial } from "../../../src/engines/postgres/wire/socket.ts";
import { parsePostgres } from "../../support/postgres_engines.ts";

/** Runs `work` with both ends of a plain connection; the other end is nobody's but the test's. */
async function withConnection(work: (socket: Socket, other: Socket) => Promise<void>): Promise<void> {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const accepted = once(server, "connection");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const { socket } = await dial(parsePostgres(`postgresql://u:p@127.0.0.1:${port}/d`), "plain", 5_000);
  const [other] = await accepted as [Socket];
  for (const end of [socket, other]) end.on("error", () => {});
  try {
    await work(socket, other);
  } finally {
    socket.destroy();
    other.destroy();
    server.close();
  }
}

/** More than the kernel holds for a connection. */
const bytesInAll = 24 * 1024 * 1024;

/** Returns a piece that differs from every other. */
function piece(index: number, bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let place = 0; place < bytes; place++) made[place] = (index * 31 + place) % 251;
  return made;
}

for (const bytes of [bytesInAll, 300_001]) {
  test(`postgres: what is written in pieces of ${bytes} bytes arrives whole at a server that reads late`, () =>
    withConnection(async (socket, other) => {
      const pieces = Array.from({ length: Math.ceil(bytesInAll / bytes) }, (_, index) => piece(index, bytes));
      other.pause();
      let written = 0;
      let wasBusy = false;
      for (const each of pieces) wasBusy = !socket.write(each, () => written++) || wasBusy;
      assert.ok(wasBusy, "nothing told the writer to wait");
      await sleep(50);
      assert.ok(written < pieces.length, "it was called written before it was");
      const drained = once(socket, "drain");

      const expected = pieces.reduce((sum, each) => sum + each.length, 0);
      const got = new Uint8Array(expected);
      let length = 0;
      const arrived = new Promise<void>((resolve, reject) =>
        other.on("data", (data: Uint8Array) => {
          if (length + data.length > expected) return reject(new Error("more arrives than was sent"));
          got.set(data, length);
          length += data.length;
          if (length === expected) resolve();
        })
      );
      other.resume();
      await Promise.all([arrived, drained]);
      assert.equal(written, pieces.length);
      let offset = 0;
      for (const each of pieces) {
        const came = got.subarray(offset, offset += each.length);
        assert.equal(Buffer.compare(came, each), 0, `other bytes before ${offset}`);
      }
    }));
}

test("postgres: a reader that pauses holds the server up, and loses nothing", () =>
  withConnection(async (socket, other) => {
    let length = 0;
    socket.on("data", (data: Uint8Array) => length += data.length);
    socket.pause();
    let drained = false;
    assert.equal(other.write(piece(1, bytesInAll)), false);
    other.once("drain", () => drained = true);
    await sleep(300);
    assert.equal(drained, false, "everything went to a reader that paused");
    assert.ok(length < bytesInAll / 4, `${length} bytes came while it paused`);
    socket.resume();
    while (length < bytesInAll) await sleep(5);
    assert.equal(length, bytesInAll);
  }));

test("postgres: the last words before the end arrive, however much waits before them", () =>
  withConnection(async (socket, other) => {
    other.pause();
    socket.write(piece(1, bytesInAll));
    socket.end(piece(2, 5));
    const finished = once(socket, "finish");
    let length = 0;
    let last: readonly number[] = [];
    other.on("data", (data: Uint8Array) => {
      length += data.length;
      last = [...last, ...data.slice(-5)].slice(-5);
    });
    const ended = once(other, "end");
    other.resume();
    await Promise.all([finished, ended]);
    assert.equal(length, bytesInAll + 5);
    assert.deepEqual(last, [...piece(2, 5)]);
  }));

test("postgres: last words arrive when the connection is given up right after them", () =>
  withConnection(async (socket, other) => {
    const got: number[] = [];
    other.on("data", (data: Uint8Array) => got.push(...data));
    // A connection that is reset takes with it what the other end has not read.
    other.pause();
    socket.end(piece(3, 5));
    await once(socket, "finish");
    socket.destroy();
    await sleep(50);
    const ended = once(other, "end");
    other.resume();
    await ended;
    assert.deepEqual(got, [...piece(3, 5)]);
  }));

test("postgres: whoever closes a connection is told once, with the error that he gave", () =>
  withConnection(async (socket) => {
    const told: string[] = [];
    socket.on("error", (error) => told.push(error.message));
    socket.on("close", (hadError) => told.push(`close ${hadError}`));
    socket.destroy(new Error("enough"));
    socket.destroy(new Error("again"));
    assert.deepEqual(told, []);
    await sleep(20);
    assert.deepEqual(told, ["enough", "close true"]);
    assert.equal(socket.destroyed, true);
  }));

test("postgres: a server that hangs up closes the connection, without an error", () =>
  withConnection(async (socket, other) => {
    const closed = once(socket, "close");
    other.end();
    assert.deepEqual(await closed, [false]);
  }));
