import { withProxy } from "./proxy.ts";

/** A server that can be made slow, or to hang: it stays connected and says nothing any more. */
export interface FreezingProxy {
  readonly port: number;
  freeze(): void;
  /** Resolves when it froze by itself. */
  readonly frozen: Promise<void>;
  /** Lets each answer arrive so many milliseconds later from now on. */
  slow(ms: number): void;
}

/**
 * Runs `work` with a proxy before the server at `port`. It freezes by itself when a client sends something that
 * matches `freezeAt`; of several one after the other the last.
 */
export async function withFreezingProxy<T>(
  port: number,
  freezeAt: RegExp | readonly RegExp[] | null,
  work: (proxy: FreezingProxy) => Promise<T>,
): Promise<T> {
  let isFrozen = false;
  const ahead = [freezeAt ?? []].flat();
  let told = () => {};
  const frozen = new Promise<void>((resolve) => told = resolve);
  let lateMs = 0;
  return await withProxy(port, (client, upstream) => {
    client.on("data", (data: Uint8Array) => {
      if (ahead[0]?.test(Buffer.from(data).toString("latin1"))) {
        ahead.shift();
        if (ahead.length === 0) {
          isFrozen = true;
          told();
        }
      }
      if (!isFrozen) upstream.write(data);
    });
    upstream.on("data", (data: Uint8Array) => {
      setTimeout(() => isFrozen || client.write(data), lateMs);
    });
    upstream.on("close", () => isFrozen || client.destroy());
  }, (port) => work({ port, frozen, freeze: () => isFrozen = true, slow: (ms) => lateMs = ms }));
}
