import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ping } from "../../src/verify/ping.ts";

interface Host {
  readonly url: string;
  /** What reached it: method, path, body. */
  readonly heard: string[];
}

/** Runs `work` with a server that answers what `answer` says: a place to go on to, or "" for 200. */
async function withHost<T>(
  { address, status, answer }: {
    readonly address: string;
    readonly status: number;
    answer(path: string): string;
  },
  work: (host: Host) => Promise<T>,
): Promise<T> {
  const heard: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => body += text).on("end", () => {
      heard.push(`${request.method} ${request.url} ${body}`);
      const to = answer(request.url ?? "");
      response.writeHead(to === "" ? 200 : status, to === "" ? {} : { location: to }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const url = `http://${address}:${(server.address() as AddressInfo).port}`;
  try {
    return await work({ url, heard });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a monitor that answers ${status} sends nothing on to another host`, () =>
    withHost(
      { address: "127.0.0.2", status, answer: () => "" },
      (thief) =>
        withHost({ address: "127.0.0.1", status, answer: () => `${thief.url}/secret` }, async (monitor) => {
          const problem = await ping(`${monitor.url}/uuid`, "fail", "FAIL data: 3 rows");
          assert.match(problem ?? "", /redirects to another host/);
          assert.deepEqual(thief.heard, []);
        }),
    ));

  test(`a monitor that answers ${status} is followed on its own host, with the body`, () =>
    withHost(
      { address: "127.0.0.1", status, answer: (path) => path.startsWith("/new") ? "" : `/new${path}` },
      async (monitor) => {
        assert.equal(await ping(`${monitor.url}/uuid`, "fail", "FAIL"), null);
        assert.deepEqual(monitor.heard, ["POST /uuid/fail FAIL", "POST /new/uuid/fail FAIL"]);
      },
    ));
}

test("another port of the same machine is another host", () =>
  withHost(
    { address: "127.0.0.1", status: 307, answer: () => "" },
    (thief) =>
      withHost({ address: "127.0.0.1", status: 307, answer: () => thief.url }, async (monitor) => {
        assert.match(await ping(monitor.url, "success") ?? "", /another host/);
        assert.deepEqual(thief.heard, []);
      }),
  ));

test("a monitor that redirects for ever is given up", () =>
  withHost({ address: "127.0.0.1", status: 302, answer: () => "/again" }, async (monitor) => {
    assert.match(await ping(monitor.url, "success") ?? "", /again and again/);
  }));
