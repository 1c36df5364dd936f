import { connect, createServer, type Socket } from "node:net";

/**
 * Runs `work` with the port of a proxy before the server at `port`. For each connection, `join` says what becomes of what
 * either side sends, and of the client when the server hangs up.
 */
export async function withProxy<T>(
  port: number,
  join: (client: Socket, upstream: Socket) => void,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.on("close", () => upstream.destroy());
    join(client, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await work(typeof address === "object" ? address?.port ?? 0 : 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
