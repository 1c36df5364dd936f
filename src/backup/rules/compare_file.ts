import { basename } from "node:path";
import { type Found, pass } from "../../base/finding.ts";
import { counted, formatCount } from "../../base/quantity.ts";
import type { Manifest } from "./manifest.ts";

/** Returns what is found of a backup that is not to be relied on. */
export function notSound(message: string): Found {
  return { status: "fail", message, hint: "Use another one: harbor-db backup list", details: {} };
}

/** Returns what is wrong with the length of a file; `null` when it has the one of its manifest. */
export function compareSize(bytes: number, manifest: Pick<Manifest, "bytes">): Found | null {
  if (bytes === manifest.bytes) return null;
  return notSound(`the file is ${counted(bytes, "byte")} long instead of ${formatCount(manifest.bytes)}`);
}

/** Compares the SHA-256 of a file's bytes with its manifest's. */
export function compareDigest(
  { bytes, sha256 }: Pick<Manifest, "bytes" | "sha256">,
  { path, manifest }: { readonly path: string; readonly manifest: Pick<Manifest, "sha256" | "file"> },
): Found {
  if (sha256 === manifest.sha256) return pass(`${counted(bytes, "byte")}, as they were written`);
  return notSound(
    manifest.file === basename(path)
      ? "its bytes are not those that were written (SHA-256 differs)"
      : `the manifest is that of another backup, ${manifest.file}`,
  );
}
