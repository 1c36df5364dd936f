import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Parts, Release } from "./release.ts";

/** The folder of what only packages have. */
const files = new URL("./files/", import.meta.url);

/** Writes the `.deb` of a platform, by dpkg-deb. Source: deb(5), deb-control(5) */
export async function writeDeb(parts: Parts): Promise<void> {
  const { release, platform, work, outdir, isFast } = parts;
  const tree = join(work, "deb");
  await writeTree(parts, tree, "/usr/share/zsh/vendor-completions");
  const control = [
    "Package: harbor-db",
    `Version: ${release.version}`,
    `Architecture: ${platform.debian}`,
    "Maintainer: The harbor-db contributors <harbor-db@localhost>",
    "Section: database",
    "Priority: optional",
    "Recommends: postgresql-client",
    `Description: ${release.description}`,
    "",
  ];
  await put(join(tree, "DEBIAN/control"), control.join("\n"));
  await put(join(tree, "DEBIAN/conffiles"), "/etc/harbor-db/harbor-db.env\n");
  for (const script of ["postinst", "prerm", "postrm"]) {
    await put(join(tree, "DEBIAN", script), await readFile(new URL(`${script}.sh`, files)), 0o755);
  }
  execFileSync("dpkg-deb", [
    "--root-owner-group",
    "-Zxz",
    `-z${isFast ? 0 : 6}`,
    "--build",
    tree,
    join(outdir, `harbor-db_${release.version}_${platform.debian}.deb`),
  ], { env: reproducible(release), stdio: ["ignore", "ignore", "inherit"] });
}

/** Writes the `.rpm` of a platform, by rpmbuild. Source: rpmbuild(8), rpm-spec(5) */
export async function writeRpm(parts: Parts): Promise<void> {
  const { release, platform, work, outdir, isFast } = parts;
  const tree = join(work, "rpm-tree");
  await writeTree(parts, tree, "/usr/share/zsh/site-functions");
  const script = async (name: string) =>
    (await readFile(new URL(`${name}.sh`, files), "utf8")).replace(/^#!.*\n/, "");
  const spec = [
    "Name: harbor-db",
    `Version: ${release.version}`,
    "Release: 1",
    `Summary: ${release.description}`,
    `License: ${release.license}`,
    "AutoReqProv: no",
    "%description",
    `${release.description}.`,
    "%post",
    await script("postinst"),
    "%preun",
    // rpm says how many are left, where dpkg says what it does.
    `[ "$1" = 0 ] && set -- remove || set -- upgrade`,
    await script("prerm"),
    "%files",
    ...await listed(tree),
  ];
  const specFile = join(work, "harbor-db.spec");
  await writeFile(specFile, `${spec.join("\n")}\n`);
  const defines = {
    _topdir: join(work, "rpm"),
    _rpmdir: outdir,
    _build_name_fmt: "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
    _buildhost: "localhost",
    // Of what is not compiled, nothing may be changed: a binary that is stripped has lost its program.
    __os_install_post: "%{nil}",
    use_source_date_epoch_as_buildtime: "1",
    clamp_mtime_to_source_date_epoch: "1",
    _binary_payload: `w${isFast ? 0 : 6}T2.xzdio`,
  };
  execFileSync("rpmbuild", [
    "-bb",
    "--quiet",
    `--target=${platform.redHat}-linux`,
    `--buildroot=${tree}`,
    ...Object.entries(defines).flatMap(([name, value]) => ["--define", `${name} ${value}`]),
    specFile,
  ], { env: reproducible(release), stdio: ["ignore", "ignore", "inherit"] });
}

function reproducible({ epoch }: Release): NodeJS.ProcessEnv {
  return { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", SOURCE_DATE_EPOCH: String(epoch) };
}

/** Lays the files out as they stand on a machine. */
async function writeTree({ binary, common }: Parts, tree: string, zshFolder: string): Promise<void> {
  const place = (from: string, to: string) => putCopy(from, join(tree, to));
  await putCopy(binary, join(tree, "usr/bin/harbor-db"), 0o755);
  await place(join(common, "completions/harbor-db.bash"), "usr/share/bash-completion/completions/harbor-db");
  await place(join(common, "completions/_harbor-db"), join(zshFolder, "_harbor-db"));
  await place(
    join(common, "completions/harbor-db.fish"),
    "usr/share/fish/vendor_completions.d/harbor-db.fish",
  );
  for (const page of await readdir(join(common, "man"))) {
    const text = await readFile(join(common, "man", page));
    await put(join(tree, `usr/share/man/man1/${page}.gz`), gzipSync(text, { level: 9 }));
  }
  await place(join(common, "LICENSE"), "usr/share/doc/harbor-db/copyright");
  await place(join(common, "harbor-db.toml.sample"), "usr/share/doc/harbor-db/harbor-db.toml.sample");
  const changes = await readFile(join(common, "CHANGELOG.md"));
  await put(join(tree, "usr/share/doc/harbor-db/changelog.gz"), gzipSync(changes, { level: 9 }));
  for (const unit of ["harbor-db-verify.service", "harbor-db-verify.timer"]) {
    await put(join(tree, "usr/lib/systemd/system", unit), await readFile(new URL(unit, files)));
  }
  await put(join(tree, "usr/lib/sysusers.d/harbor-db.conf"), await readFile(new URL("sysusers.conf", files)));
  // Holds a password one day.
  await put(
    join(tree, "etc/harbor-db/harbor-db.env"),
    await readFile(join(common, "harbor-db.env.sample")),
    0o600,
  );
}

/** Returns the lines of `%files`. */
async function listed(tree: string): Promise<readonly string[]> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const attributes = (path: string) =>
    path.endsWith(".env")
      ? "%config(noreplace) %attr(0600,root,root) "
      : path === "/usr/bin/harbor-db"
      ? "%attr(0755,root,root) "
      : "%attr(0644,root,root) ";
  return entries.filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length)).toSorted()
    .map((path) => `${attributes(path)}${path}`);
}

async function putCopy(from: string, to: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, mode);
}

async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { mode });
  await chmod(path, mode);
}
