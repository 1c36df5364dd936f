import { connect, createServer, type Socket } from "node:net";

/** A server that can be made slow, or to hang: it stays connected and says nothing any more. */
export interface FreezingProxy {
  readonly port: number;
  freeze(): void;
  /** Lets each answer arrive so many milliseconds later from now on. */
  slow(ms: number): void;
}

/**
 * Runs `work` with a proxy before the server at `port`. It freezes by itself when a client sends something that
 * matches `freezeAt`.
 */
export async function withFreezingProxy<T>(
  port: number,
  freezeAt: RegExp | null,
  work: (proxy: FreezingProxy) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let lateMs = 0;
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.on("data", (data: Uint8Array) => {
      if (freezeAt?.test(Buffer.from(data).toString("latin1"))) isFrozen = true;
      if (!isFrozen) upstream.write(data);
    });
    upstream.on("data", (data: Uint8Array) => {
      setTimeout(() => isFrozen || client.write(data), lateMs);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => isFrozen || client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await work({
      port: typeof address === "object" ? address?.port ?? 0 : 0,
      freeze: () => isFrozen = true,
      slow: (ms) => lateMs = ms,
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
