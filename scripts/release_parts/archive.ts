import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zipSync } from "fflate";
import { isWindows } from "./platforms.ts";
import type { Parts } from "./release.ts";

/** Writes the archive of a platform: the binary and the common files in a folder of the archive's name. */
export async function writeArchive(
  { release, platform, binary, common, work, outdir, isFast }: Parts,
): Promise<void> {
  const name = `harbor-db-${release.version}-${platform.name}`;
  const folder = join(work, "archive", name);
  await mkdir(folder, { recursive: true });
  await cp(common, folder, { recursive: true });
  await cp(binary, join(folder, isWindows(platform) ? "harbor-db.exe" : "harbor-db"));
  const parent = join(work, "archive");
  if (isWindows(platform)) {
    await writeFile(join(outdir, `${name}.zip`), await zipped(parent, release.epoch, isFast ? 1 : 9));
  } else {
    const isX86 = platform.name.includes("x64");
    writeTar(parent, name, { outdir, epoch: release.epoch, isX86, isFast });
  }
}

interface TarOptions {
  readonly outdir: string;
  readonly epoch: number;
  readonly isX86: boolean;
  readonly isFast: boolean;
}

/** Source: https://reproducible-builds.org/docs/archives/ */
function writeTar(parent: string, name: string, { outdir, epoch, isX86, isFast }: TarOptions): void {
  // Two threads, always: the encoder for one alone divides the file differently.
  const filters = [...isX86 ? ["--x86"] : [], `--lzma2=preset=${isFast ? 0 : 6},dict=32MiB`, "-T2"].join(" ");
  execFileSync("tar", [
    "--create",
    "--format=ustar",
    "--sort=name",
    `--mtime=@${epoch}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
    `--directory=${parent}`,
    `--use-compress-program=xz ${filters}`,
    `--file=${join(outdir, `${name}.tar.xz`)}`,
    name,
  ], { stdio: ["ignore", "ignore", "inherit"] });
}

async function zipped(parent: string, epoch: number, level: 1 | 9): Promise<Uint8Array> {
  const entries = (await readdir(parent, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name)).toSorted();
  const files: Record<string, Uint8Array> = {};
  for (const path of entries) files[path.slice(parent.length + 1)] = await readFile(path);
  return zipSync(files, { level, mtime: epoch * 1000 });
}
