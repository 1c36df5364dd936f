import { connect, createServer, type Socket } from "node:net";

/** A long way to a server. */
export interface SlowWay {
  readonly port: number;
  /** What each connection sent, a text for each way there and back. */
  readonly sent: readonly (readonly string[])[];
}

/**
 * How often it looks whether more comes, each time after `lookMs` milliseconds, before it hands on what came. Once would not
 * do: a busy machine may let a process stand for longer.
 */
const looks = 5;
const lookMs = 5;

/** Runs `work` with a proxy before the server at `port` that hands on together what is sent together. */
export async function withSlowWay<T>(port: number, work: (way: SlowWay) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  const sent: string[][] = [];
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    const texts: string[] = [];
    sent.push(texts);
    let pieces: Uint8Array[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lookAgain = (left: number) => {
      timer = setTimeout(() => left > 1 ? lookAgain(left - 1) : handOn(), lookMs);
    };
    const handOn = () => {
      const together = Buffer.concat(pieces);
      pieces = [];
      texts.push(together.toString("latin1"));
      upstream.write(together);
    };
    client.on("data", (data: Uint8Array) => {
      pieces.push(data);
      clearTimeout(timer);
      lookAgain(looks);
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
