import { connect, createServer, type Socket } from "node:net";

/** A long way to a server. */
export interface SlowWay {
  readonly port: number;
  /** What was sent, each time that everything sent before was answered: as many as there were ways there and back. */
  readonly sent: readonly string[];
}

/** For how long nothing more may come before what came is handed on, in milliseconds. */
const quietMs = 25;

/** Runs `work` with a proxy before the server at `port` that hands on together what is sent together. */
export async function withSlowWay<T>(port: number, work: (way: SlowWay) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  const sent: string[] = [];
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    let pieces: Uint8Array[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const handOn = () => {
      if (pieces.length === 0) return;
      const together = Buffer.concat(pieces);
      pieces = [];
      sent.push(together.toString("latin1"));
      upstream.write(together);
    };
    client.on("data", (data: Uint8Array) => {
      pieces.push(data);
      clearTimeout(timer);
      timer = setTimeout(handOn, quietMs);
    });
    upstream.on("data", (data: Uint8Array) => client.write(data));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await work({ port: typeof address === "object" ? address?.port ?? 0 : 0, sent });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
