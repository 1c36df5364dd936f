/**
 * Makes all that a release has: archives for each platform, packages for Debian and Red Hat with the timer's units, the
 * installer, an SBOM, the sums of all and their signature. The same commit and packages give the same bytes.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle, readHistoryFiles } from "./build_bundle.ts";
import { writeArchive } from "./release_parts/archive.ts";
import { writeCommonFiles } from "./release_parts/common_files.ts";
import { installer } from "./release_parts/installer.ts";
import { writeDeb, writeRpm } from "./release_parts/packages.ts";
import type { Release } from "./release_parts/release.ts";
import { renderSbom } from "./release_parts/sbom.ts";
import { type Platform, platforms } from "./release_parts/platforms.ts";
import { messageOf } from "../src/base/errors.ts";

const usage = `Usage: scripts/release [--outdir DIR] [--binary PLATFORM=PATH]… [--only PLATFORM]… [--fast]
                       [--key FILE] [--from URL]

  --outdir DIR            where all of it goes (dist/release), which must not be there yet
  --binary PLATFORM=PATH  a binary that is built already, for ${platforms.map(({ name }) => name).join(", ")}
  --only PLATFORM         not for all of them
  --fast                  compress little, to look at a release
  --key FILE              minisign's secret key, by which the sums are signed; its password is asked for. The public key is
                          FILE with .pub instead of .key
  --from URL              where the installer finds the release, when it is not told
`;

const root = fileURLToPath(new URL("..", import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      outdir: { type: "string" },
      binary: { type: "string", multiple: true },
      only: { type: "string", multiple: true },
      fast: { type: "boolean" },
      key: { type: "string" },
      from: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return write(usage);
  const outdir = resolve(values.outdir ?? join(root, "dist", "release"));
  if (existsSync(outdir)) {
    throw new Error(`Cannot make a release in "${outdir}": it is there already. Try: rm -r ${outdir}`);
  }
  const chosen = (values.only ?? platforms.map(({ name }) => name)).map(platformOf);
  const built = new Map((values.binary ?? []).map((each) => {
    const [name = "", path = ""] = each.split("=", 2);
    return [platformOf(name).name, resolve(path)] as const;
  }));
  const release = await readRelease();
  const isFast = values.fast ?? false;
  await mkdir(outdir, { recursive: true });
  const work = await mkdtemp(join(root, ".cache", "release-"));
  try {
    const common = join(work, "common");
    await writeCommonFiles(root, release, common);
    for (const platform of chosen) {
      const binary = built.get(platform.name) ?? build(platform, join(work, platform.name, "built"));
      const parts = { release, platform, binary, common, work: join(work, platform.name), outdir, isFast };
      await writeArchive(parts);
      if (platform.debian !== null) await writeDeb(parts);
      if (platform.redHat !== null) await writeRpm(parts);
    }
    await writeFile(join(outdir, `harbor-db-${release.version}.cdx.json`), await sbom(release, work));
    const key = values.key === undefined ? null : await publicKey(values.key);
    await writeFile(join(outdir, "install.sh"), installer({ release, from: values.from ?? null, key }), {
      mode: 0o755,
    });
    await writeSums(outdir);
    if (values.key !== undefined) sign(join(outdir, "SHA256SUMS"), values.key, release);
  } catch (error) {
    await rm(outdir, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  for (const name of (await readdir(outdir)).toSorted()) {
    const { size } = await stat(join(outdir, name));
    write(`${(size / 1024 / 1024).toFixed(1).padStart(8)} MiB  ${name}\n`);
  }
  if (values.key === undefined) write("not signed: --key was not given\n");
}

function platformOf(name: string): Platform {
  const found = platforms.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new Error(
    `Cannot make a release for "${name}": known are ${platforms.map((each) => each.name).join(", ")}`,
  );
}

async function readRelease(): Promise<Release> {
  const { version, description, license } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  const epoch = Number(process.env["SOURCE_DATE_EPOCH"] ?? git("log", "-1", "--format=%ct"));
  return {
    version,
    description,
    license,
    epoch,
    commit: git("rev-parse", "--short=12", "HEAD") +
      (git("status", "--porcelain", "-uno") === "" ? "" : "-dirty"),
  };
}

function build({ name, runtime }: Platform, outfile: string): string {
  execFileSync(join(root, "scripts/build"), ["--target", runtime, "--outfile", outfile], {
    stdio: "inherit",
  });
  write(`built for ${name}\n`);
  return outfile;
}

async function sbom(release: Release, work: string): Promise<string> {
  const history = readHistoryFiles(join(root, "drizzle"));
  const { metafile } = await bundle(root, join(work, "bundle"), { ...release, history });
  return await renderSbom(root, release, Object.keys(metafile.inputs));
}

async function writeSums(outdir: string): Promise<void> {
  const lines = [];
  for (const name of (await readdir(outdir)).toSorted()) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(outdir, name)), hash);
    lines.push(`${hash.digest("hex")}  ${name}\n`);
  }
  await writeFile(join(outdir, "SHA256SUMS"), lines.join(""));
}

async function publicKey(secretKey: string): Promise<string> {
  if (!secretKey.endsWith(".key")) {
    throw new Error(`Cannot sign by "${secretKey}": its name does not end in .key`);
  }
  const path = secretKey.replace(/\.key$/, ".pub");
  const [, key = ""] = (await readFile(path, "utf8")).trim().split("\n");
  return key;
}

/** Signs a file as minisign does, by minisign itself. */
function sign(file: string, key: string, { version, commit }: Release): void {
  const comment = `harbor-db ${version} (${commit})`;
  execFileSync("minisign", ["-S", "-s", resolve(key), "-m", file, "-t", comment], {
    stdio: ["inherit", "ignore", "inherit"],
  });
  // A public key that is not the other half would refuse everybody.
  execFileSync("minisign", ["-V", "-q", "-m", file, "-p", resolve(key).replace(/\.key$/, ".pub")]);
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
