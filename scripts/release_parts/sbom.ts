import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { Release } from "./release.ts";

/** Returns the bill of materials of the binary as CycloneDX 1.6: the packages whose files are in the bundle, and Bun. */
export async function renderSbom(root: string, release: Release, inputs: readonly string[]): Promise<string> {
  const bom = new Models.Bom();
  bom.metadata.timestamp = new Date(release.epoch * 1000);
  bom.metadata.component = component("harbor-db", release.version, release.license);
  const { packages } = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as LockFile;
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  for (const folder of [...new Set([...folders, "node_modules/bun"])].toSorted()) {
    const name = folder.replace(/^.*node_modules\//, "");
    const locked = packages[folder.replace(/^\.\//, "")];
    if (locked === undefined) {
      throw new Error(`Cannot list "${folder}": package-lock.json has no such package`);
    }
    const part = component(name, locked.version, locked.license);
    const [algorithm, digest] = locked.integrity.split("-", 2);
    if (algorithm === "sha512") {
      part.hashes.set(Enums.HashAlgorithm["SHA-512"], Buffer.from(digest!, "base64").toString("hex"));
    }
    bom.components.add(part);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly integrity: string;
}

function component(name: string, version: string, license: string | undefined): Models.Component {
  const made = new Models.Component(Enums.ComponentType.Library, name, {
    version,
    bomRef: `pkg:npm/${name}@${version}`,
  });
  made.purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  if (license !== undefined) made.licenses.add(new Models.NamedLicense(license));
  return made;
}
