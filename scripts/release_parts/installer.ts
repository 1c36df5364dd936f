import { readFileSync } from "node:fs";
import type { Release } from "./release.ts";

export interface InstallerOptions {
  readonly release: Release;
  /** Where the release is found; `null` when whoever runs the installer has to say. */
  readonly from: string | null;
  /** minisign's public key; `null` where the sums are not signed. */
  readonly key: string | null;
}

/** Returns `install.sh` of a release, which takes nothing whose sum is not the one that was signed. */
export function installer({ release, from, key }: InstallerOptions): string {
  const template = readFileSync(new URL("./files/install.sh", import.meta.url), "utf8");
  return template
    .replace(/^version=.*$/m, `version=${release.version}`)
    .replace(/^from=.*$/m, `from='${from ?? ""}'`)
    .replace(/^key=.*$/m, `key='${key ?? ""}'`);
}
