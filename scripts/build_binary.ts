import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { withoutZeros } from "./build_elf.ts";

export interface BinaryOptions {
  readonly root: string;
  /** The files that the program and its threads start with; the program's is the first. */
  readonly entries: readonly [string, ...string[]];
  readonly outfile: string;
  /** A platform as Bun names it (`linux-aarch64-musl`, `darwin-x64`); left out for this machine's. */
  readonly target: string | undefined;
}

/** Makes a standalone executable of a bundle and returns the path of the runtime in it. It reads no `.env`, `bunfig.toml`, `tsconfig.json` or `package.json`. */
export function compile({ root, entries, outfile, target }: BinaryOptions): string {
  const bun = installedBun(root);
  const runtime = target === undefined ? bun : bunFor(root, target);
  const forTarget = target === undefined
    ? []
    : [`--target=bun-${target}`, `--compile-executable-path=${runtime}`];
  // Made beside it and renamed: a binary that is running is not overwritten, and half of one never stands there. The
  // name inside the folder is fixed, since it becomes part of the binary.
  const folder = `${outfile}.new`;
  const made = join(folder, target?.startsWith("windows") ? "harbor-db.exe" : "harbor-db");
  mkdirSync(folder, { recursive: true });
  // Told in which order bytecode is to lie, Bun 1.4.3 writes 0.2 MiB less of it, also where nothing of that is there.
  const order = join(folder, "order");
  writeFileSync(order, "v2\nF 0000000000000001\n");
  run(bun, [
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    `--bytecode-order=${order}`,
    "--format=esm",
    "--splitting",
    "--sourcemap=none",
    // At the start, to compile what runs a few times takes longer than to run it.
    "--compile-jit-policy=100",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--no-compile-autoload-tsconfig",
    "--no-compile-autoload-package-json",
    ...forTarget,
    `--outfile=${made}`,
    ...entries,
  ], dirname(entries[0]));
  withoutZeros(made);
  renameSync(made, outfile);
  rmSync(folder, { recursive: true });
  return runtime;
}

/** Returns the Bun that npm installed for this machine. Not `node_modules/.bin/bun`, which its postinstall makes. */
export function installedBun(root: string): string {
  const packages = join(root, "node_modules", "@oven");
  const names = existsSync(packages) ? readdirSync(packages) : [];
  const found = names.map((name) => executableIn(join(packages, name))).find((path) => path !== undefined);
  if (found === undefined) {
    throw new Error(
      `Cannot find Bun in "${packages}": npm installed none for this platform. Try: npm ci --include=optional`,
    );
  }
  return found;
}

/** Returns the Bun of another platform, which npm fetches once and package-lock.json vouches for. */
function bunFor(root: string, target: string): string {
  const name = `@oven/bun-${target}`;
  const wanted = lockedPackages(join(root, "package-lock.json"))[`node_modules/${name}`];
  if (wanted === undefined) {
    const all = Object.keys(lockedPackages(join(root, "package-lock.json")))
      .flatMap((path) => path.match(/^node_modules\/@oven\/bun-(.+)$/)?.[1] ?? []);
    throw new Error(`Cannot build for "${target}": it is not one of ${all.join(", ")}`);
  }
  const prefix = join(root, ".cache", `bun-${target}-${wanted.version}`);
  const folder = join(prefix, "node_modules", name);
  if (executableIn(folder) === undefined) {
    mkdirSync(prefix, { recursive: true });
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
    // --force: the package says that it is not for this machine.
    run("npm", [
      "install",
      `--prefix=${prefix}`,
      "--force",
      "--no-save",
      ...quiet,
      `${name}@${wanted.version}`,
    ], prefix);
  }
  const got = lockedPackages(join(prefix, "node_modules", ".package-lock.json"))[`node_modules/${name}`];
  const executable = executableIn(folder);
  if (got?.integrity !== wanted.integrity || executable === undefined) {
    throw new Error(
      `Cannot use "${name}": npm got another package than package-lock.json names. Try: rm -r ${prefix}`,
    );
  }
  return executable;
}

function executableIn(folder: string): string | undefined {
  return ["bun", "bun.exe"].map((name) => join(folder, "bin", name)).find((path) => existsSync(path));
}

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

function lockedPackages(file: string): Readonly<Record<string, LockedPackage>> {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return;
  throw new Error(
    `Cannot run "${command} ${args[0]}": ${error?.message ?? `exit ${status}\n${stdout}${stderr}`}`,
  );
}
