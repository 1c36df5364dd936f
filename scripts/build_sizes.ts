import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Metafile } from "esbuild";
import { packedEnding } from "./build_packed.ts";

/** What a binary consists of, largest first. */
export interface Size {
  readonly name: string;
  readonly bytes: number;
}

/** Returns what a binary consists of: the runtime, what is packed, the code by package, and the bytecode that it was compiled to. */
export function sizesOf(
  { folder, metafile, packed, runtime, outfile }: {
    /** Where the bundle is. */
    readonly folder: string;
    readonly metafile: Metafile;
    /** The files of it whose code is packed. */
    readonly packed: readonly string[];
    readonly runtime: string;
    readonly outfile: string;
  },
): readonly Size[] {
  const packages = new Map<string, number>();
  for (const [file, { inputs }] of Object.entries(metafile.outputs)) {
    if (packed.includes(basename(file))) continue;
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      packages.set(packageOf(path), (packages.get(packageOf(path)) ?? 0) + bytesInOutput);
    }
  }
  const libraries = readdirSync(folder).filter((name) => name.endsWith(packedEnding))
    .map((name) => ({
      name: `${basename(name, packedEnding)}, packed`,
      bytes: statSync(join(folder, name)).size,
    }));
  const code = [...[...packages].map(([name, bytes]) => ({ name, bytes })), ...libraries];
  const known = statSync(runtime).size + code.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    { name: "Bun, the runtime", bytes: statSync(runtime).size },
    { name: "bytecode of what is not packed, for a quick start", bytes: statSync(outfile).size - known },
    ...code,
  ].toSorted((a, b) => b.bytes - a.bytes);
}

/** Returns the name of the npm package that a file belongs to. */
function packageOf(path: string): string {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? "harbor-db itself";
}
