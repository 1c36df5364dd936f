import { createServer } from "node:http";

/** What a monitor was told. */
export interface Told {
  readonly path: string;
  readonly body: string;
}

/** A stand-in for healthchecks.io on this machine. */
export interface Monitor {
  readonly url: string;
  readonly told: readonly Told[];
}

/**
 * Runs `work` with a monitor, which stops afterwards.
 *
 * @param status What it answers with; `null` for no answer at all
 */
export async function withMonitor<T>(
  work: (monitor: Monitor) => Promise<T>,
  status: number | null = 200,
): Promise<T> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      told.push({ path: request.url ?? "", body: Buffer.concat(chunks).toString("utf8") });
      if (status === null) return;
      response.statusCode = status;
      response.end("OK");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await work({
      url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/ping/secret-uuid`,
      told,
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
