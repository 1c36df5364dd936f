import type { Socket } from "node:net";
import type { Duplex, Writable } from "node:stream";
import type postgres from "postgres";

/** Where {@link copyOut} and {@link copyIn} work: postgres.js and the one socket that it talks on. */
export interface CopySetting {
  readonly client: postgres.Sql;
  readonly socket: Socket;
}

/**
 * Runs `COPY … TO STDOUT` and hands over what comes, in pieces that need not end where rows do. The next piece is not
 * read before `take` is done with one, so memory stays bounded however slow it is. When `take` throws, the socket is
 * closed.
 */
export async function copyOut(
  { client, socket }: CopySetting,
  text: string,
  take: (piece: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const stream = await startCopy(client, text, () => {});
  let taken = true;
  try {
    for await (const piece of stream) {
      taken = false;
      const taking = take(piece as Uint8Array);
      if (taking !== undefined) await taking;
      taken = true;
    }
  } finally {
    // postgres.js pauses the socket for a reader that lags behind, and forgets that when the last piece has come.
    if (taken) socket.resume();
    // What nobody reads any more would stand in the way of every later answer.
    else socket.destroy();
  }
}

/** Runs `COPY … FROM STDIN` with the pieces of `data`. When `data` throws, the COPY fails, and this with its error. */
export async function copyIn(
  { client }: CopySetting,
  text: string,
  data: AsyncIterable<Uint8Array>,
): Promise<void> {
  let fail: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => fail = reject);
  // It is raced against below; a failure in between is no unhandled one.
  failure.catch(() => {});
  const stream = await startCopy(client, text, fail);
  try {
    for await (const piece of data) await Promise.race([written(stream, piece), failure]);
  } catch (error) {
    stream.destroy(error as Error);
    // The server has to answer before the session is fit for anything else.
    await failure.catch(() => {});
    throw error;
  }
  const finished = new Promise<void>((resolve) => stream.once("finish", resolve));
  stream.end();
  await Promise.race([finished, failure]);
}

/** What postgres.js calls when a query has an answer; they are fields of the query. */
interface Answers {
  resolve(stream: Duplex): void;
  reject(error: unknown): void;
}

/**
 * Sends a COPY and returns its stream.
 *
 * What goes wrong after that, postgres.js tells the stream, which would be an uncaught exception when it is told
 * before anybody listens; and, from the end of a COPY FROM STDIN on, only the query, which is fulfilled already, so
 * that nobody would hear of it. `onFailure` hears of both.
 */
async function startCopy(
  client: postgres.Sql,
  text: string,
  onFailure: (error: unknown) => void,
): Promise<Duplex> {
  const query = client.unsafe(text);
  const answers = query as unknown as Answers;
  const { resolve, reject } = answers;
  answers.resolve = (stream) => {
    // It is called again with the result when all is done.
    answers.resolve = resolve;
    stream.on("error", onFailure);
    resolve.call(query, stream);
  };
  answers.reject = (error) => {
    onFailure(error);
    reject.call(query, error);
  };
  return (await query.writable()) as unknown as Duplex;
}

function written(stream: Writable, piece: Uint8Array): Promise<void> | undefined {
  return stream.write(piece) ? undefined : new Promise((resolve) => stream.once("drain", resolve));
}
