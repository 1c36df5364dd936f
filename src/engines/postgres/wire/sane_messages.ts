import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { joinRows } from "./join_rows.ts";
import { DialError } from "./socket.ts";

/** The messages of a server that may be long, and the others: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const long = "TDdVENA";
const short = "RKSZC123IntsGHWcv";

/** As libpq has it: what claims to be longer is no message. */
const longest = { short: 30_000, long: 2 ** 30 };

/** What is looked at as a whole: how somebody is to log in, and which columns rows have, 1,664 at most. */
const whole = "RT";
const longestColumns = 2 ** 20;

/** Bytes that postgres.js reads without asking whether they are there, with the length's own four. */
const shortest: Readonly<Record<string, number>> = { R: 8, K: 12, Z: 5, T: 6, D: 6, G: 7, H: 7, W: 7 };

/** A server says how often the password is hashed, and the process stands still meanwhile; 4096 is usual. */
const mostRounds = 1_000_000;

const nothing = Buffer.alloc(0);

/** The header of a message: its type, and its length with the length's own four bytes. */
const headerBytes = 5;

/**
 * Ends a connection whose other end does not speak as a PostgreSQL server does, before postgres.js hears of it: that prints
 * what it does not know, throws where nobody catches, and computes as long as it is told to.
 *
 * A COPY's rows come in a message each. Those that stand in one piece are made one message (see {@link joinRows}).
 */
export function refuseNonsense(socket: Socket): void {
  const emit = socket.emit.bind(socket);
  /** The beginning of a message of which more has to come before it can be looked at. */
  let waiting = nothing;
  /** Bytes of a message that are still to come. */
  let missing = 0;
  /** Whether it was said which columns the rows have that are to come. */
  let hasColumns = false;
  /** Returns the piece as postgres.js shall have it; `null` where it is no server's. */
  const looked = (chunk: Uint8Array): Buffer | null => {
    const before = waiting.length;
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const bytes = before === 0 ? piece : Buffer.concat([waiting, piece]);
    waiting = nothing;
    let at = Math.min(missing, bytes.length);
    missing -= at;
    const rows = joinRows(bytes, before);
    // A piece may hold a thousand rows: nothing is made for each of them.
    while (at < bytes.length) {
      const left = bytes.length - at;
      const length = left < headerBytes ? 0 : bytes.readUInt32BE(at + 1);
      const type = String.fromCharCode(bytes[at]!);
      if (left >= headerBytes && !isMessage(type, length)) return null;
      if (left < headerBytes || whole.includes(type) && left < 1 + length) {
        // A copy, since the piece's memory is the socket's.
        waiting = Buffer.from(bytes.subarray(at));
        break;
      }
      if (type === "R" || type === "T") {
        const content = bytes.subarray(at + headerBytes, at + 1 + length);
        if (!(type === "R" ? isLogin(content) : areColumns(content))) return null;
      }
      if (type === "D" && !hasColumns) return null;
      if (type === "T" || type === "C" || type === "Z") hasColumns = type === "T";
      if (type === "d") rows.add(at, 1 + length);
      at += 1 + length;
      missing = Math.max(0, at - bytes.length);
    }
    return rows.end().subarray(before);
  };
  socket.emit = ((event: string, ...values: unknown[]) => {
    if (event !== "data") return emit(event as "data", ...values as [Buffer]);
    const piece = looked(values[0] as Uint8Array);
    if (piece !== null) return emit("data", piece);
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
  return long.includes(type) ? length <= longest.long : short.includes(type) && length <= longest.short;
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
