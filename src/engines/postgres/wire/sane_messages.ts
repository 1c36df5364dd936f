import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { DialError } from "./socket.ts";

/** The messages of a server that may be long, and the others: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const long = /[TDdVENA]/;
const short = /[RKSZC123IntsGHWcv]/;

/** As libpq has it: what claims to be longer is no message. */
const longest = { short: 30_000, long: 2 ** 30 };

/** What is looked at as a whole: how somebody is to log in, and which columns rows have, 1,664 at most. */
const whole = /[RT]/;
const longestColumns = 2 ** 20;

/** Bytes that postgres.js reads without asking whether they are there, with the length's own four. */
const shortest: Readonly<Record<string, number>> = { R: 8, K: 12, Z: 5, T: 6, D: 6, G: 7, H: 7, W: 7 };

/** A server says how often the password is hashed, and the process stands still meanwhile; 4096 is usual. */
const mostRounds = 1_000_000;

/**
 * Ends a connection whose other end does not speak as a PostgreSQL server does, before postgres.js hears of it: that prints
 * what it does not know, throws where nobody catches, and computes as long as it is told to.
 */
export function refuseNonsense(socket: Socket): void {
  const emit = socket.emit.bind(socket);
  let waiting: Uint8Array = new Uint8Array();
  /** Bytes of a message that are still to come. */
  let missing = 0;
  /** Whether it was said which columns the rows have that are to come. */
  let hasColumns = false;
  const isSane = (chunk: Uint8Array): boolean => {
    for (let rest = chunk; rest.length > 0;) {
      if (missing > 0) {
        const taken = Math.min(missing, rest.length);
        missing -= taken;
        rest = rest.subarray(taken);
        continue;
      }
      // A chunk may hold a thousand rows, and is not copied for each of them.
      const bytes = waiting.length > 0
        ? Buffer.concat([waiting, rest])
        : Buffer.from(rest.buffer, rest.byteOffset, rest.length);
      const length = bytes.length < 5 ? 0 : bytes.readUInt32BE(1);
      const type = String.fromCharCode(bytes[0]!);
      if (bytes.length >= 5 && !isMessage(type, length)) return false;
      if (bytes.length < (whole.test(type) ? 1 + length : 5) || bytes.length < 5) {
        // A copy, since the chunk's memory is the socket's.
        waiting = Buffer.from(bytes);
        return true;
      }
      const content = bytes.subarray(5, 1 + length);
      if (type === "R" && !isLogin(content) || type === "T" && !areColumns(content)) return false;
      if (type === "D" && !hasColumns) return false;
      if (type === "T" || type === "C" || type === "Z") hasColumns = type === "T";
      waiting = new Uint8Array();
      missing = Math.max(0, 1 + length - bytes.length);
      rest = bytes.subarray(1 + length);
    }
    return true;
  };
  socket.emit = ((event: string, ...values: unknown[]) => {
    if (event !== "data" || isSane(values[0] as Uint8Array)) {
      return emit(event as "data", ...values as [Buffer]);
    }
    socket.destroy(strangeSpeech());
    return true;
  }) as Socket["emit"];
}

/** Returns the error for a server that is none. */
export function strangeSpeech(): DialError {
  return new DialError("NOT_POSTGRES", "what answers there does not speak as PostgreSQL does");
}

function isMessage(type: string, length: number): boolean {
  if (length < (shortest[type] ?? 4) || type === "T" && length > longestColumns) return false;
  return long.test(type) ? length <= longest.long : short.test(type) && length <= longest.short;
}

/** postgres.js looks for the end of a column's name as long as it takes. */
function areColumns(content: Buffer): boolean {
  let at = 2;
  for (let left = content.readUInt16BE(0); left > 0; left--) {
    const end = content.indexOf(0, at);
    // What the column is of.
    at = end + 1 + 18;
    if (end < 0 || at > content.length) return false;
  }
  return true;
}

/** Passwords and SCRAM, which are all that postgres.js knows. */
function isLogin(content: Buffer): boolean {
  const kind = content.readUInt32BE(0);
  if (kind !== 11) return [0, 3, 5, 10, 12].includes(kind);
  const [, rounds] = /^r=[^,]+,s=[^,]+,i=(\d+)$/.exec(content.toString("latin1", 4)) ?? [];
  return rounds !== undefined && Number(rounds) > 0 && Number(rounds) <= mostRounds;
}
