import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { type Seeded, seeded } from "../tests/support/seeded.ts";
import { type LibsqlGateway } from "../tests/support/servers/libsql_gateway.ts";
import { mutateBytes, mutateJsonText } from "./fuzz_mutate.ts";

/** Has a libSQL server's answers changed from the one at `from` on. */
export function garbleLibsql(gateway: LibsqlGateway, random: Seeded): void {
  let left = random.below(12);
  gateway.answer(async ({ forward }, response) => {
    if (left-- > 0) return "pass";
    const { status, text } = await forward();
    if (random.below(3) > 0) return response.writeHead(status).end(mutateJsonText(text, random));
    const odd = random.oneOf([200, 200, 204, 301, 400, 401, 404, 429, 500, 502]);
    const body = odd === 204 ? "" : random.oneOf([
      "",
      "null",
      "[]",
      "<html>",
      '{"error":null}',
      text.slice(0, random.below(text.length)),
    ]);
    return response.writeHead(odd, { "content-type": random.oneOf(["application/json", "text/html"]) }).end(
      body,
    );
  });
}

/** Something between harbor-db and a PostgreSQL server that changes what the server says. */
export interface PostgresGarbler {
  readonly port: number;
  /** Starts over: passes some messages on, garbles one and closes the connection soon after. */
  arm(seed: number): void;
  close(): void;
}

/** Starts a {@link PostgresGarbler} in front of the server at a port. */
export async function startPostgresGarbler(target: number): Promise<PostgresGarbler> {
  let random = seeded(0);
  let left = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    client.on("data", (data: Uint8Array) => upstream.write(data)).on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    let waiting: Uint8Array = new Uint8Array();
    upstream.on("data", (data: Uint8Array) => {
      waiting = Buffer.concat([waiting, data]);
      for (;;) {
        if (waiting.length < 5) return;
        const bytes = Buffer.from(waiting);
        const length = 1 + bytes.readUInt32BE(1);
        if (bytes.length < length) return;
        const message = bytes.subarray(0, length);
        waiting = bytes.subarray(length);
        if (left-- !== 0) {
          client.write(message);
          continue;
        }
        client.write(garble(message, random));
        setTimeout(() => client.destroy(), 300);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    arm(seed) {
      random = seeded(seed);
      left = random.below(random.oneOf([12, 60, 300, 600]));
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Changes a message's letter, its content or its length. */
function garble(message: Uint8Array, random: Seeded): Uint8Array {
  const changed = Buffer.from(message);
  switch (random.below(6)) {
    case 0:
      changed[0] = random.below(256);
      return changed;
    case 1:
      changed.writeUInt32BE(random.oneOf([0, 3, 4, 0x7fffffff, 0xffffffff, random.below(4096)]), 1);
      return changed;
    case 2:
      return Buffer.concat([changed, changed]);
    case 3:
      return new Uint8Array();
    default:
      return Buffer.concat([
        changed.subarray(0, 5),
        padded(mutateBytes(changed.subarray(5), random), changed.length - 5),
      ]);
  }
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array(length - bytes.length)]);
}
