import { Buffer } from "node:buffer";
import { HarborError } from "../../../base/errors.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import type { Token } from "../../../sql/lexer.ts";

/** Reads a script of statements and rows from its start to its end, in bounded memory. */
export interface ScriptReader {
  /** Returns the next line without its end, or `null` when there is none. */
  line(): Promise<string | null>;
  /**
   * Returns the next statement with its `;`, without what stands before it, or `null` when there is none. Names in it
   * may hold newlines and semicolons, so its end is where a tokenizer sees it.
   */
  statement(): Promise<string | null>;
  /** Returns the next `bytes` bytes as text. */
  text(bytes: number): Promise<string>;
  /**
   * Returns the rows that follow a `COPY … FROM stdin;`, up to the line `\.`, which is passed over. All have to be
   * taken before anything else is read.
   */
  rows(): AsyncGenerator<Uint8Array>;
}

/** More than this is no line and no definition, but a damaged file. */
const longestText = 256 * 1024 * 1024;
/** The statement behind which rows follow. */
export const copyStart = /^COPY [^]* FROM stdin;$/;

const endOfRows = "\\.\n";

/**
 * Reads a script as pg_restore writes it, and harbor-db.
 *
 * @param onRead Gets all bytes in their order, each before what it is part of is returned
 */
export function readScript(
  source: AsyncIterable<Uint8Array>,
  onRead: (bytes: Uint8Array) => void = () => {},
): ScriptReader {
  const pieces = source[Symbol.asyncIterator]();
  let ahead: Buffer = Buffer.alloc(0);

  /** Reads on; false at the end. */
  async function more(): Promise<boolean> {
    if (ahead.length > longestText) throw cutShort();
    const { done, value } = await pieces.next();
    if (done) return false;
    const piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    ahead = ahead.length === 0 ? piece : Buffer.concat([ahead, piece]);
    return true;
  }

  function take(bytes: number): Buffer {
    const taken = ahead.subarray(0, bytes);
    ahead = ahead.subarray(bytes);
    onRead(taken);
    return taken;
  }

  async function line(): Promise<string | null> {
    let searched = 0;
    for (;;) {
      const end = ahead.indexOf(0x0a, searched);
      if (end >= 0) return take(end + 1).toString("utf8", 0, end);
      searched = ahead.length;
      if (await more()) continue;
      if (ahead.length > 0) throw cutShort();
      return null;
    }
  }

  return {
    line,
    async statement() {
      let text = "";
      for (;;) {
        const next = await line();
        if (next === null) {
          if (text !== "") throw cutShort();
          return null;
        }
        // A psql command is a line of its own, with which no statement begins.
        if (text === "" && next.startsWith("\\")) continue;
        text += text === "" ? next : `\n${next}`;
        if (text.length > longestText) throw cutShort();
        const found = tokensIn(text);
        if (found?.length === 0) text = "";
        const last = found?.at(-1);
        if (last?.kind === "sign" && last.text === ";") return text.slice(found?.[0]?.start);
      }
    },
    async text(bytes) {
      if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > longestText) throw cutShort();
      while (ahead.length < bytes) {
        if (!(await more())) throw cutShort();
      }
      return take(bytes).toString("utf8");
    },
    async *rows() {
      let atLineStart = true;
      for (;;) {
        if (atLineStart && ahead.length >= 3 && ahead.toString("latin1", 0, 3) === endOfRows) {
          take(3);
          return;
        }
        const end = ahead.indexOf(`\n${endOfRows}`);
        // What may be the beginning of the end stays.
        const bytes = end >= 0 ? end + 1 : ahead.length - 3;
        if (bytes > 0) {
          const piece = take(bytes);
          atLineStart = piece[piece.length - 1] === 0x0a;
          yield piece;
          if (end >= 0) continue;
        }
        if (!(await more())) throw cutShort();
      }
    },
  };
}

/** One statement of a script. */
export interface ScriptStatement {
  /** From its first token to its `;`. */
  readonly text: string;
  /** Without comments. */
  readonly tokens: readonly Token[];
}

/**
 * Splits a script into its statements. The body of a function in standard SQL and the actions of a rule count as
 * several.
 *
 * @throws {HarborError} `backup_failed` when the script ends within a statement
 */
export function statementsIn(script: string): readonly ScriptStatement[] {
  const statements: ScriptStatement[] = [];
  let tokens: Token[] = [];
  for (const token of tokensIn(script) ?? refuseCut()) {
    tokens.push(token);
    if (token.kind !== "sign" || token.text !== ";") continue;
    statements.push({ text: script.slice(tokens[0]!.start, token.start + 1), tokens });
    tokens = [];
  }
  return tokens.length === 0 ? statements : refuseCut();
}

/** Returns a text's tokens without comments; `null` when it ends within one. */
function tokensIn(text: string): readonly Token[] | null {
  try {
    return tokensOf(text, "postgresql");
  } catch {
    return null;
  }
}

function refuseCut(): never {
  throw cutShort();
}

function cutShort(): HarborError {
  return damagedCopy("it ends before its end, or is damaged");
}

/** Returns the error of a copy that is not as it was written. */
export function damagedCopy(state: string): HarborError {
  return new HarborError("backup_failed", `Cannot read "the copy": ${state}`, {
    hint: "It is cut short or was changed. See what other backups there are: harbor-db backup list",
  });
}
