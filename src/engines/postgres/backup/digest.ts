import type { TableContent } from "../../backup/content.ts";
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";

/** Takes the rows of a table in PostgreSQL's COPY text, in pieces that need not end where rows do. */
export interface RowsDigest {
  add(piece: Uint8Array): void;
  /** Returns what was added. */
  content(name: string): TableContent;
}

const newline = 0x0a;
const lanes = 4;
const bytesPerLane = 6;
const laneLimit = 2 ** 48;

/**
 * Starts the digest of a table's rows.
 *
 * Rows of equal text are equal rows: the session that wrote them has to have the settings of a backup. The order of
 * the rows, which differs between a database and its restored copy, does not count: of each row's SHA-256 the first
 * 192 bits are added up, in four sums modulo 2^48. Unlike with an exclusive or, a row that is there twice counts
 * twice. The names of the columns and the number of rows are part of the digest.
 */
export function digestRows(columns: readonly string[]): RowsDigest {
  const sums = new Array<number>(lanes).fill(0);
  let rows = 0;
  let rest: Uint8Array[] = [];

  function addRow(row: Uint8Array): void {
    rows++;
    // As bytes: hex digits would be five strings a row for the garbage collector.
    const digest = hash("sha256", row, "buffer");
    for (let lane = 0; lane < lanes; lane++) {
      sums[lane] = (sums[lane]! + digest.readUIntBE(lane * bytesPerLane, bytesPerLane)) % laneLimit;
    }
  }

  return {
    add(piece) {
      let from = 0;
      for (;;) {
        const end = piece.indexOf(newline, from);
        if (end < 0) break;
        const row = piece.subarray(from, end);
        addRow(rest.length === 0 ? row : Buffer.concat([...rest, row]));
        rest = [];
        from = end + 1;
      }
      // A copy, since the piece's memory is the driver's.
      if (from < piece.length) rest.push(new Uint8Array(piece.subarray(from)));
    },
    content(name) {
      const sum = sums.map((lane) => lane.toString(16).padStart(2 * bytesPerLane, "0")).join("");
      return { name, rows, digest: hash("sha256", JSON.stringify([columns, rows, sum]), "hex") };
    },
  };
}
