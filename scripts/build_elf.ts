import { Buffer } from "node:buffer";
import { readFileSync, writeFileSync } from "node:fs";

/**
 * Takes the zeros out of a Linux executable that `bun build --compile` made: it puts the program behind the memory that is
 * zero at the start (`.bss`), in the same segment, so that all of that memory stands in the file. Here the program gets a
 * segment of its own, at the same address, in the place of the notes for debuggers. Changes nothing in other files.
 *
 * Source: https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
 *
 * @throws {Error} When the executable is laid out in another way
 */
export function withoutZeros(path: string): void {
  const old = readFileSync(path);
  const isElf64 = old.toString("latin1", 0, 6) === "\x7fELF\x02\x01";
  if (!isElf64) return;
  const sections = sectionsOf(old);
  const segments = segmentsOf(old);
  const program = sections.find(({ name }) => name === ".bun");
  const zeros = sections.find(({ name, type }) => name === ".bss" && type === zeroSection);
  const data = segments.find(({ type, from, size }) =>
    type === loaded && program !== undefined && from <= program.from && program.from < from + size
  );
  const notes = segments.at(-1);
  const isKnown = program && zeros && data && notes?.type === note &&
    segments.every(({ type, address }) => type !== loaded || address <= data.address) &&
    zeros.address + zeros.size <= program.address;
  if (!isKnown) {
    throw new Error(`Cannot take the zeros out of "${path}": Bun lays executables out in another way now`);
  }

  const start = data.from + (zeros.address - data.address);
  // A file is mapped page by page: within one, place and address have to be the same.
  const place = start + ((program.address - start) % data.align + data.align) % data.align;
  const cut = program.from - place;
  if (cut <= 0 || old.subarray(start, program.from).some((byte) => byte !== 0)) return;
  const made = Buffer.concat([
    old.subarray(0, start),
    Buffer.alloc(place - start),
    old.subarray(program.from),
  ]);
  const put = (at: number, value: number) => made.writeBigUInt64LE(BigInt(value), at);
  put(data.at + 32, start - data.from);
  // Up to the program, whatever else of it has no bytes in the file.
  put(data.at + 40, program.address - data.address);
  made.copy(made, notes.at, data.at, data.at + segmentBytes);
  put(notes.at + 8, place);
  put(notes.at + 16, program.address);
  put(notes.at + 24, program.address);
  put(notes.at + 32, data.from + data.size - program.from);
  put(notes.at + 40, data.from + data.size - program.from);
  const table = Number(old.readBigUInt64LE(40)) - cut;
  put(40, table);
  for (const [index, { from }] of sections.entries()) {
    if (from >= program.from) put(table + index * sectionBytes + 24, from - cut);
  }
  writeFileSync(path, made);
}

const [loaded, note, zeroSection] = [1, 4, 8];
const [segmentBytes, sectionBytes] = [56, 64];

/** What of a file is mapped into memory, and where its entry stands. */
interface Segment {
  readonly at: number;
  readonly type: number;
  readonly from: number;
  readonly address: number;
  readonly size: number;
  readonly align: number;
}

function segmentsOf(file: Buffer): readonly Segment[] {
  const first = Number(file.readBigUInt64LE(32));
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = first + index * segmentBytes;
    const number = (offset: number) => Number(file.readBigUInt64LE(at + offset));
    return {
      at,
      type: file.readUInt32LE(at),
      from: number(8),
      address: number(16),
      size: number(32),
      align: number(48),
    };
  });
}

/** A part of a file with a name. */
interface Part {
  readonly name: string;
  readonly type: number;
  readonly address: number;
  readonly from: number;
  readonly size: number;
}

function sectionsOf(file: Buffer): readonly Part[] {
  const first = Number(file.readBigUInt64LE(40));
  const at = (index: number, offset: number) => first + index * sectionBytes + offset;
  const number = (index: number, offset: number) => Number(file.readBigUInt64LE(at(index, offset)));
  const names = number(file.readUInt16LE(62), 24);
  return Array.from({ length: file.readUInt16LE(60) }, (_, index) => {
    const name = names + file.readUInt32LE(at(index, 0));
    return {
      name: file.toString("latin1", name, file.indexOf(0, name)),
      type: file.readUInt32LE(at(index, 4)),
      address: number(index, 16),
      from: number(index, 24),
      size: number(index, 32),
    };
  });
}
