import { connect, createServer, type Socket } from "node:net";

/** A stand-in for a transaction pooler such as PgBouncer: clients share one server session between transactions. */
export interface Pooler {
  readonly port: number;
  stop(): Promise<void>;
}

interface Message {
  /** Its letter; "" for the ones before authentication, which have none. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/**
 * Starts a pooler in front of the server at `port`. Each client logs in at the server through a connection of its own.
 * The first of those becomes the shared session; the others are closed after the login. As poolers do, it gives every
 * client a made-up process id.
 */
export async function startPooler(port: number): Promise<Pooler> {
  const sockets = new Set<Socket>();
  let shared: Socket | undefined;
  let owner: Socket | undefined;
  let awaited = 0;
  const waiting: { readonly client: Socket; readonly message: Message }[] = [];

  function forward(): void {
    for (let at = 0; at < waiting.length;) {
      const next = waiting[at]!;
      if (owner !== undefined && owner !== next.client) {
        at++;
        continue;
      }
      waiting.splice(at, 1);
      owner = next.client;
      if (/[SQ]/.test(next.message.type)) awaited++;
      shared?.write(next.message.bytes);
    }
  }

  function onSharedMessage({ type, bytes }: Message): void {
    owner?.write(bytes);
    if (type !== "Z" || --awaited > 0 || String.fromCharCode(bytes[5] ?? 0) !== "I") return;
    owner = undefined;
    forward();
  }

  const server = createServer((client) => {
    const login = connect(port, "127.0.0.1");
    for (const socket of [client, login]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    let loggedIn = false;
    readMessages(client, (message) => {
      if (message.type === "" || !loggedIn) login.write(message.bytes);
      else if (message.type !== "X") {
        waiting.push({ client, message });
        forward();
      }
    }, { startsWithoutType: true });
    readMessages(login, (message) => {
      if (loggedIn) return onSharedMessage(message);
      if (message.type === "K") message.bytes.fill(7, 5, 9);
      client.write(message.bytes);
      if (message.type !== "Z") return;
      loggedIn = true;
      if (shared === undefined) shared = login;
      else login.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" ? address?.port ?? 0 : 0,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Cuts what a socket receives into messages of the PostgreSQL protocol. */
function readMessages(
  socket: Socket,
  onMessage: (message: Message) => void,
  { startsWithoutType = false } = {},
): void {
  let rest = Buffer.alloc(0);
  let first = startsWithoutType;
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = first ? 0 : 1;
      if (rest.length < head + 4) return;
      const length = head + rest.readUInt32BE(head);
      if (rest.length < length) return;
      const bytes = Uint8Array.from(rest.subarray(0, length));
      rest = rest.subarray(length);
      const type = first ? "" : String.fromCharCode(bytes[0] ?? 0);
      first = false;
      onMessage({ type, bytes });
    }
  });
}
