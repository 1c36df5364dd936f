import type { Platform } from "./platforms.ts";

/** What is the same for all files of a release. */
export interface Release {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly commit: string;
  /** When its commit was made, in seconds: the time of every file in it. */
  readonly epoch: number;
}

/** What the files for one platform are made of. */
export interface Parts {
  readonly release: Release;
  readonly platform: Platform;
  /** The path of the binary. */
  readonly binary: string;
  /** The folder of what all platforms have. */
  readonly common: string;
  /** A folder for what is made on the way. */
  readonly work: string;
  readonly outdir: string;
  /** Whether to be quick rather than small. */
  readonly isFast: boolean;
}
