/**
 * Builds the standalone binary: a bundle of the sources and the history (esbuild), compiled with the Bun runtime.
 * The same sources, commit and packages give the same bytes.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compile } from "./build_binary.ts";
import { bundle, readHistoryFiles } from "./build_bundle.ts";
import { joinFiles, packFiles } from "./build_groups.ts";
import { compressBinary } from "./build_download.ts";
import { type Size, sizesOf } from "./build_sizes.ts";
import { messageOf } from "../src/base/errors.ts";

const usage = `Usage: scripts/build [--target PLATFORM] [--dir DIR] [--outfile PATH] [--compress] [--sizes]

  --target PLATFORM  another platform than this one: linux-x64, linux-aarch64, linux-x64-musl, darwin-aarch64, …
  --dir DIR          the history to build in (drizzle/)
  --outfile PATH     default dist/harbor-db, or dist/harbor-db-PLATFORM with --target
  --compress         also PATH.xz for a download, and PATH.sha256
  --sizes            say what the binary consists of
`;

const root = fileURLToPath(new URL("..", import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      dir: { type: "string" },
      outfile: { type: "string" },
      compress: { type: "boolean" },
      sizes: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return write(usage);
  const { target } = values;
  const suffix = target === undefined ? "" : `-${target}${target.startsWith("windows") ? ".exe" : ""}`;
  const outfile = resolve(values.outfile ?? join(root, "dist", `harbor-db${suffix}`));
  const commit = readCommit();
  const version: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "bundle-"));
  try {
    const history = readHistoryFiles(resolve(values.dir ?? join(root, "drizzle")));
    const { entries, metafile } = await bundle(root, folder, { version, commit, history });
    await joinFiles(folder, metafile);
    const packed = await packFiles(folder, metafile);
    const runtime = compile({ root, entries, outfile, target });
    const name = relative(process.cwd(), outfile);
    const built = `harbor-db ${version} (${commit ?? "no commit"})`;
    write(`${name}: ${built}, ${mebibytes(statSync(outfile).size)}\n`);
    if (values.sizes) sizesOf({ folder, metafile, packed, runtime, outfile }).slice(0, 12).forEach(writeSize);
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (!values.compress) return;
  const { path, bytes } = compressBinary(outfile, (target ?? process.arch).includes("x64"));
  write(`${relative(process.cwd(), path)}: ${mebibytes(bytes)}\n`);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function writeSize({ name, bytes }: Size): void {
  write(`${mebibytes(bytes).padStart(12)}  ${name}\n`);
}

/** Returns the short commit, with `-dirty` when a tracked file differs from it; `null` outside of git. */
function readCommit(): string | null {
  try {
    const git = (...args: readonly string[]) =>
      execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
        .trim();
    const isDirty = git("status", "--porcelain", "--untracked-files=no") !== "";
    return git("rev-parse", "--short", "HEAD") + (isDirty ? "-dirty" : "");
  } catch {
    return null;
  }
}

function write(text: string): void {
  process.stdout.write(text);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
