import { withProxy } from "./proxy.ts";

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
  const sent: string[][] = [];
  return await withProxy(port, (client, upstream) => {
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
    upstream.on("close", () => client.destroy());
  }, (port) => work({ port, sent }));
}
