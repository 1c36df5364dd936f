import { HarborError } from "../base/errors.ts";
import { readReleases, type Release, releasesPath } from "./releases.ts";

/** What is known of the application's releases. */
export interface KnownReleases {
  /** `null` when the project says nothing of them: nothing is claimed then. */
  readonly releases: readonly Release[] | null;
  /** Why the file that says it cannot be read. */
  readonly problem: HarborError | null;
}

/**
 * Reads the file of releases. One that is broken stops no command: it is said instead.
 *
 * @param readBeside Reads a file that lies beside the history; `null` when there is none
 */
export async function readKnownReleases(
  readBeside: (path: string) => Promise<string | null>,
): Promise<KnownReleases> {
  try {
    const text = await readBeside(releasesPath);
    return { releases: text === null ? null : readReleases(text), problem: null };
  } catch (error) {
    if (error instanceof HarborError) return { releases: null, problem: error };
    throw error;
  }
}
