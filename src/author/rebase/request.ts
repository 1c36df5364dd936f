import type { Dialect } from "../../base/dialect.ts";
import type { HostUse } from "../../history/host.ts";
import type { DrizzleEngine } from "../project/drizzle_engine.ts";
import type { ProofSetting } from "../proof/begin.ts";
import type { Ground } from "../proof/ground.ts";
import type { WriteOptions } from "../writing/write_together.ts";

/** What to move, and what must not be moved. */
export interface RebaseRequest {
  readonly dir: string;
  readonly cwd: string;
  /** The first revision to move; those that were made on top of it go along. */
  readonly revision: string | null;
  /** The branch whose revisions keep their place; `null` is the one that is being merged, or gets the others in a git rebase. */
  readonly onto: string | null;
  /** Returns the revisions that a database has applied, and its name. */
  applied(): Promise<AppliedRevisions | null>;
  readonly engine: DrizzleEngine;
  readonly proof: ReadonlyMap<Dialect, ProofSetting>;
  readonly writing: WriteOptions;
}

/** What a database says that it has, by whichever program. */
export interface AppliedRevisions {
  readonly url: string;
  /** @param revision With the checksums of its upgrade scripts, of every dialect */
  has(
    revision: { readonly id: string; readonly tag: string; readonly checksums: readonly string[] },
  ): boolean;
}

export interface RebaseResult {
  readonly order: readonly { readonly revision: string; readonly name: string; readonly moved: boolean }[];
  /** Files out of which the marks of a merge were taken, as they are shown. */
  readonly resolved: readonly string[];
  /** What is called otherwise from now on, by tag: two revisions had a number each that drizzle-kit counted. */
  readonly renumbered: readonly { readonly from: string; readonly to: string }[];
  /** Scripts that had to be written anew, and why. */
  readonly rewritten: readonly { readonly file: string; readonly reason: string }[];
  readonly files: readonly string[];
  /** The dialects on which all were only run up, and the first revision without a way back. */
  readonly upOnly: readonly { readonly dialect: Dialect; readonly revision: string }[];
  /** What stood for what hosts bring where it was proven. */
  readonly hosts: readonly (HostUse & { readonly dialect: Dialect })[];
  /** Where the scripts up to the baseline did not run, the snapshot that it was begun at. */
  readonly grounds: readonly (Ground & { readonly dialect: Dialect })[];
}
