import type { System } from "./system.ts";

/** Returns what `--version` prints. */
export function versionText({ build, runtime }: Pick<System, "build" | "runtime">): string {
  return `harbor-db ${build.version} (${build.commit ?? "unknown commit"}, ${runtime})`;
}
