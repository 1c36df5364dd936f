import { formatCount } from "../../../base/quantity.ts";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type * as v from "valibot";
import { parseJson, readAs } from "../../../base/json_schema.ts";
import { formatOf, type Header, postamble, preamble, records } from "./write_file.ts";
import { copyStart, damagedCopy, readScript } from "./script.ts";

/** What {@link readCopyFile} meets on its way, in the file's order. Throwing ends the reading. */
export interface CopyVisitor {
  header?(header: Header): Promise<void> | void;
  definitions?(text: string): Promise<void> | void;
  /** Has to take all rows. */
  rows(table: CopiedTable, rows: AsyncIterable<Uint8Array>): Promise<void>;
  /** Called with the number of bytes read since the last time. */
  onRead?(bytes: number): void;
}

/** A table as a copy names it. */
export interface CopiedTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** `COPY … FROM stdin`. */
  readonly statement: string;
}

/**
 * Reads a file of {@link writeCopyFile} from its start to its end. Only when this returns has all been checked: what a
 * visitor did before may have come from a damaged file.
 *
 * @throws {HarborError} `backup_failed` when it is not as it was written
 */
export async function readCopyFile(path: string, visitor: CopyVisitor): Promise<void> {
  const checksum = createHash("sha256");
  let total = 0;
  let unhashed: Uint8Array | null = null;
  // The last line is not part of what it tells about, so hashing is one piece behind.
  const hashPending = () => {
    if (unhashed === null) return;
    checksum.update(unhashed);
    total += unhashed.length;
    unhashed = null;
  };
  const source = createReadStream(path, { highWaterMark: 256 * 1024 });
  const script = readScript(source as AsyncIterable<Uint8Array>, (bytes) => {
    hashPending();
    unhashed = bytes;
    visitor.onRead?.(bytes.length);
  });

  async function next<Kind extends RecordKind>(kind: Kind): Promise<Fields<Kind>> {
    const fields = parseRecord(kind, await script.line());
    if (fields === null) throw damagedCopy(`a record "${kind}" is missing`);
    return fields;
  }

  async function expect(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      if ((await script.line()) !== line) throw damagedCopy(`the line "${line}" is missing`);
    }
  }

  async function readRows({ name, columns }: Pick<CopiedTable, "name" | "columns">): Promise<void> {
    const statement = await script.statement();
    if (statement === null || !copyStart.test(statement)) {
      throw damagedCopy(`the rows of "${name}" are missing`);
    }
    let bytes = 0;
    async function* counted() {
      for await (const piece of script.rows()) {
        bytes += piece.length;
        yield piece;
      }
    }
    await visitor.rows({ name, columns, statement: statement.slice(0, -1) }, counted());
    const end = await next("end");
    if (end.bytes !== bytes) {
      throw damagedCopy(
        `"${name}" has ${formatCount(bytes)} bytes of rows instead of ${formatCount(end.bytes)}`,
      );
    }
  }

  try {
    const header = await next("backup");
    const format = formatOf(header);
    if (header.format !== format) throw damagedCopy(`its format is ${header.format}, not ${format}`);
    await visitor.header?.(header);
    await expect(preamble);
    for (;;) {
      const line = await script.line();
      if (line === postamble) break;
      const [definitions, rows] = [parseRecord("definitions", line), parseRecord("rows", line)];
      if (definitions !== null) await visitor.definitions?.(await script.text(definitions.bytes));
      else if (rows !== null) await readRows(rows);
      else throw damagedCopy("it ends too early, or holds something else");
    }
    hashPending();
    const before = { bytes: total, sha256: checksum.digest("hex") };
    const trailer = await next("trailer");
    if (trailer.bytes !== before.bytes || trailer.sha256 !== before.sha256) {
      throw damagedCopy("its checksum differs");
    }
    if ((await script.line()) !== null) throw damagedCopy("something follows its end");
  } finally {
    source.destroy();
  }
}

type RecordKind = keyof typeof records;
type Fields<Kind extends RecordKind> = v.InferOutput<(typeof records)[Kind]>;

/** Returns the fields of a record; `null` for a line that is none of that kind. */
function parseRecord<Kind extends RecordKind>(kind: Kind, line: string | null): Fields<Kind> | null {
  const start = `-- harbor-db ${kind} `;
  if (line?.startsWith(start) !== true) return null;
  const wrong = (path: string, state: string) =>
    damagedCopy(`its record "${kind}" is broken: ${path === "" ? "it" : path} ${state}`);
  return readAs(records[kind], parseJson(line.slice(start.length), wrong), wrong);
}
