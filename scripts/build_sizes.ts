import { statSync } from "node:fs";
import type { Metafile } from "esbuild";

/** What a binary consists of, largest first. */
export interface Size {
  readonly name: string;
  readonly bytes: number;
}

/** Returns what a binary consists of: the runtime, the code by package, and the bytecode that it was compiled to. */
export function sizesOf(
  { metafile, runtime, outfile }: {
    readonly metafile: Metafile;
    readonly runtime: string;
    readonly outfile: string;
  },
): readonly Size[] {
  const packages = new Map<string, number>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      packages.set(packageOf(path), (packages.get(packageOf(path)) ?? 0) + bytesInOutput);
    }
  }
  const code = [...packages].map(([name, bytes]) => ({ name, bytes }));
  const known = statSync(runtime).size + code.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    { name: "Bun, the runtime", bytes: statSync(runtime).size },
    { name: "bytecode of all that follows, for a quick start", bytes: statSync(outfile).size - known },
    ...code,
  ].toSorted((a, b) => b.bytes - a.bytes);
}

/** Returns the name of the npm package that a file belongs to. */
function packageOf(path: string): string {
  if (path.startsWith("history:")) return "the history";
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? "harbor-db itself";
}
