import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

/** What is made for a download. */
export interface Download {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Compresses a binary for a download, half the size of gzip, and puts the SHA-256 of both beside them. The same binary
 * gives the same bytes, on any number of processors.
 */
export function compressBinary(outfile: string, isX86: boolean): Download {
  const path = `${outfile}.xz`;
  // Two threads, always: the encoder for one alone divides the file differently.
  const filters = [...isX86 ? ["--x86"] : [], "--lzma2=preset=6,dict=32MiB", "-T2"].join(" ");
  const { status, error } = spawnSync("sh", [
    "-c",
    `xz ${filters} --keep --stdout "$0" > "$1"`,
    outfile,
    `${path}.new`,
  ], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) {
    throw new Error(
      `Cannot compress "${outfile}": ${
        error?.message ?? `xz ended with ${status}`
      }. Try: apt-get install xz-utils`,
    );
  }
  renameSync(`${path}.new`, path);
  const sums = [outfile, path].map((file) => `${sha256(file)}  ${basename(file)}\n`);
  writeFileSync(`${outfile}.sha256`, sums.join(""));
  return { path, bytes: statSync(path).size };
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
