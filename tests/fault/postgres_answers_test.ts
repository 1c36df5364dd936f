import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { openTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";

function message(type: string, content: Uint8Array, length = content.length + 4): Uint8Array {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, content]);
}

function login(kind: number, rest = ""): Uint8Array {
  const content = Buffer.alloc(4);
  content.writeUInt32BE(kind);
  return message("R", Buffer.concat([content, Buffer.from(rest)]));
}

const scram = login(10, "SCRAM-SHA-256\0\0");
const nothing = new Uint8Array();
const welcome = [login(0), message("K", Buffer.alloc(8)), message("Z", Buffer.from("I"))];

/** What something in the place of a PostgreSQL server may say, one message for each of ours. */
const answers: readonly (readonly [name: string, ...answers: Uint8Array[]])[] = [
  ["a web page", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["a message that is none", message("!", nothing)],
  ["a message that is longer than any", message("S", nothing, 0x7fffffff)],
  ["a message without its own length", message("S", nothing, 3)],
  ["a login of no kind", message("R", nothing)],
  ["a login that nobody knows", login(7)],
  ["a password to be hashed for years", scram, login(11, "r=abc,s=AAAA,i=2147483647")],
  ["a password to be hashed not at all", scram, login(11, "r=abc,s=AAAA,i=0")],
  ["a password to be hashed with nothing", scram, login(11, "r=abc,i=4096")],
  ["a secret without one", login(0), message("K", nothing)],
  ["a state that is missing", login(0), message("Z", nothing)],
  ["columns that are not there", ...welcome, message("T", Buffer.of(0, 2, 0x61, 0, ...Buffer.alloc(18)))],
  ["a row without columns", ...welcome, message("D", Buffer.alloc(2))],
];

for (const [name, ...said] of answers) {
  // In one piece and in many: a message may end anywhere.
  for (const size of [1_000, 1]) {
    test(`postgres: a server that answers with ${name} is refused at once, in pieces of ${size}`, async () => {
      const server = createServer((socket) => {
        const left = [...said];
        socket.on("error", () => {}).on("data", () => {
          for (
            const bytes of left[0]?.[0] === 0x52 && left.length > 1 && left[0] !== scram
              ? left.splice(0)
              : left.splice(0, 1)
          ) {
            for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size));
          }
        });
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as AddressInfo;
      try {
        const url = `postgresql://u:hunter@127.0.0.1:${port}/d?sslmode=disable&connect_timeout=5`;
        const error = await rejectsWith("connection_failed", openTestDatabase(url));
        assert.match(error.message, /does not speak as PostgreSQL does/);
        assert.ok(error.hint !== undefined && !JSON.stringify(error).includes("hunter"));
      } finally {
        server.close();
      }
    });
  }
}

test("postgres: a server that passes over the first question is refused", async () => {
  const server = createServer((socket) => {
    let asked = 0;
    socket.on("error", () => {}).on("data", () => {
      if (asked++ > 0) return socket.end(message("Z", Buffer.from("I")));
      socket.write(Buffer.concat(welcome));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const url = `postgresql://u:p@127.0.0.1:${port}/d?sslmode=disable`;
    const error = await rejectsWith("connection_failed", openTestDatabase(url));
    assert.match(error.message, /does not speak as PostgreSQL does/);
  } finally {
    server.close();
  }
});
