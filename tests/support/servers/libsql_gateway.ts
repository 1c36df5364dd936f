import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { withFreshLibsql } from "./sqld_server.ts";

/** A request to a libSQL server, on its way. */
export interface LibsqlRequest {
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
  /** Has the real server answer it. */
  forward(): Promise<{ readonly status: number; readonly text: string }>;
}

/** Answers in the server's place; `pass` passes the request on and the answer back. */
export type Answer = (request: LibsqlRequest, response: ServerResponse) => "pass" | unknown;

/** A server between harbor-db and a libSQL server. */
export interface LibsqlGateway {
  readonly url: string;
  /** Answers the requests to come; at first all of them pass. */
  answer(with_: Answer): void;
}

/** Runs `work` with a new, empty libSQL server behind a {@link LibsqlGateway}. */
export async function withLibsqlGateway<T>(work: (gateway: LibsqlGateway) => Promise<T>): Promise<T> {
  return await withFreshLibsql(async (target) => {
    let answer: Answer = () => "pass";
    const server = createServer(async (request, response) => {
      const chunks: Uint8Array[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk);
      } catch {
        // Nobody waits for what is said to a connection that is closed without its answer.
        return;
      }
      const body = new TextDecoder().decode(Buffer.concat(chunks));
      const forward = async () => {
        const answered = await fetch(target + request.url, { method: "POST", body });
        return { status: answered.status, text: await answered.text() };
      };
      if (await answer({ body, headers: request.headers, forward }, response) !== "pass") return;
      try {
        const { status, text } = await forward();
        response.writeHead(status, { "content-type": "application/json" }).end(text);
      } catch {
        // Of a server that is gone, or going at the end of a test, the client hears as it would without a gateway.
        response.destroy();
      }
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      return await work({ url, answer: (next) => answer = next });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}
