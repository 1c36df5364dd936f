import { EventEmitter } from "node:events";

/**
 * What takes the place of `node:net` in the binary, where a connection is likely to be plain: Bun's own socket with as
 * much of Node's manners as `src/engines/postgres/` and postgres.js need. Node's comes with its streams, which take
 * longer to load than all the rest of a start.
 */

/** Where to connect. */
type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** Bun's socket, as far as it is used here. */
interface NativeSocket {
  /** Returns how many bytes it took; less than none when it is closed. */
  write(bytes: Uint8Array): number;
  /** Sends nothing more. */
  shutdown(): void;
  end(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(enable: boolean): void;
  setKeepAlive(enable: boolean, delayMs: number): void;
}

interface Handlers {
  open(socket: NativeSocket): void;
  data(socket: NativeSocket, bytes: Uint8Array): void;
  drain(): void;
  /** The other end sends nothing more. */
  end(socket: NativeSocket): void;
  close(): void;
  error(socket: NativeSocket, error: Error): void;
  connectError(): void;
}

declare const Bun: {
  /** Collects garbage at once. */
  gc(isSynchronous: true): void;
  connect(
    options: ({ readonly hostname: string; readonly port: number } | { readonly unix: string }) & {
      readonly allowHalfOpen: boolean;
      readonly socket: Handlers;
    },
  ): Promise<NativeSocket>;
};

/** A piece to write, of which the first bytes may be on their way already. */
interface Piece {
  bytes: Uint8Array;
  readonly written: (() => void) | undefined;
}

/**
 * After how many bytes garbage is collected, in some 10 ms: each piece of a COPY is some, and Bun lets it grow to two and three
 * times what is in use, the more the busier the machine is.
 */
const collectBytes = 8 * 1024 * 1024;

/** `createConnection` of `node:net`. */
export function createConnection(address: Address) {
  const events = new EventEmitter();
  const waiting: Piece[] = [];
  let native: NativeSocket | undefined;
  let isEnding = false;
  let isClosed = false;
  let sinceCollected = 0;

  /** Counts what goes either way. */
  function passed(bytes: number): void {
    sinceCollected += bytes;
    if (sinceCollected < collectBytes) return;
    sinceCollected = 0;
    Bun.gc(true);
  }

  function close(error?: Error): void {
    if (isClosed) return;
    isClosed = true;
    waiting.length = 0;
    // As Node does, after whoever destroyed it is done.
    queueMicrotask(() => {
      if (error !== undefined) events.emit("error", error);
      events.emit("close", error !== undefined);
    });
  }

  /** Sends what waits, as far as there is room. */
  function flush(): void {
    const isBusy = waiting.length > 0;
    for (let piece = waiting[0]; piece !== undefined && native !== undefined; piece = waiting[0]) {
      const taken = native.write(piece.bytes);
      if (taken < 0) return;
      if (taken < piece.bytes.length) {
        piece.bytes = piece.bytes.subarray(taken);
        return;
      }
      waiting.shift();
      piece.written?.();
    }
    if (isEnding) {
      native?.shutdown();
      events.emit("finish");
    } else if (isBusy) events.emit("drain");
  }

  function write(bytes: Uint8Array, written?: () => void): boolean {
    if (isClosed) return false;
    passed(bytes.length);
    waiting.push({ bytes, written });
    if (waiting.length > 1) return false;
    const taken = native?.write(bytes) ?? 0;
    if (taken < bytes.length) {
      if (taken > 0) waiting[0]!.bytes = bytes.subarray(taken);
      return false;
    }
    waiting.shift();
    if (written !== undefined) queueMicrotask(written);
    return true;
  }

  const socket = Object.assign(events, {
    write,
    end(bytes: Uint8Array): void {
      if (isClosed || isEnding) return;
      write(bytes);
      isEnding = true;
      // Whoever ends it listens for that afterwards.
      queueMicrotask(flush);
    },
    destroy(error?: Error): void {
      close(error);
      // What was said last must arrive.
      if (isEnding) native?.end();
      else native?.terminate();
    },
    pause: () => native?.pause(),
    resume: () => native?.resume(),
    setNoDelay: (enable: boolean) => native?.setNoDelay(enable),
    setKeepAlive: (enable: boolean, delayMs: number) => native?.setKeepAlive(enable, delayMs),
  });

  Object.defineProperty(socket, "destroyed", { get: () => isClosed });

  Bun.connect({
    ...("path" in address ? { unix: address.path } : { hostname: address.host, port: address.port }),
    allowHalfOpen: false,
    socket: {
      open(opened) {
        native = opened;
        if (isClosed) opened.terminate();
        else events.emit("connect");
      },
      data: (_, bytes) => {
        passed(bytes.length);
        if (!isClosed) events.emit("data", bytes);
      },
      drain: () => flush(),
      end: () => {},
      close: () => close(),
      error: (_, error) => close(error),
      // The promise says it as well.
      connectError: () => {},
    },
  }).catch((error: Error & { readonly code?: string }) => {
    const place = "path" in address ? address.path : `${address.host}:${address.port}`;
    close(Object.assign(error, { message: `connect ${error.code ?? error.message} ${place}` }));
  });
  return socket;
}
