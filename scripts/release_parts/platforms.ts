/** A platform that a release is for. */
export interface Platform {
  /** In the names of files. */
  readonly name: string;
  /** As Bun names it, whose package npm has. */
  readonly runtime: string;
  /** The architecture as Debian and Red Hat name it; `null` where there is no package. */
  readonly debian: string | null;
  readonly redHat: string | null;
}

/** All platforms, by the names that users look for. */
export const platforms: readonly Platform[] = [
  { name: "linux-x64", runtime: "linux-x64", debian: "amd64", redHat: "x86_64" },
  { name: "linux-arm64", runtime: "linux-aarch64", debian: "arm64", redHat: "aarch64" },
  { name: "linux-x64-musl", runtime: "linux-x64-musl", debian: null, redHat: null },
  { name: "linux-arm64-musl", runtime: "linux-aarch64-musl", debian: null, redHat: null },
  { name: "darwin-x64", runtime: "darwin-x64", debian: null, redHat: null },
  { name: "darwin-arm64", runtime: "darwin-aarch64", debian: null, redHat: null },
  { name: "windows-x64", runtime: "windows-x64", debian: null, redHat: null },
];

/** Whether a platform is one of Windows, where archives and programs are called otherwise. */
export function isWindows({ name }: Platform): boolean {
  return name.startsWith("windows");
}
