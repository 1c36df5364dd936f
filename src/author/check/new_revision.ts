import type { Dialect } from "../../base/dialect.ts";
import { join, relative } from "node:path";
import { HarborError } from "../../base/errors.ts";
import type { Finding } from "../../base/finding.ts";
import type { HostUse } from "../../history/host.ts";
import { buildHistory, headOf, type History } from "../../history/history.ts";

import { isUtf8File } from "../../base/files/is_utf8_file.ts";
import { readIfThere } from "../../base/files/read_if_there.ts";
import { readReleased } from "../project/baseline.ts";
import { checkHazards } from "./hazards.ts";
import { readScripts } from "../project/read_scripts.ts";
import { usualPostgres } from "./rules/usual_postgres.ts";
import { checkStatements } from "./syntax.ts";
import { failedStatement, hostHint, refusedHint } from "../proof/place.ts";
import type { ProofSetting } from "../proof/begin.ts";
import type { Ground } from "../proof/ground.ts";
import { proveRevisions } from "../proof/prove.ts";
import type { Unfilled } from "../proof/prover.ts";

import type { FileChange } from "../writing/write_together.ts";

/** What is known of a revision before it is written. */
export interface Examined {
  /** The dialects on which it was run. */
  readonly proven: readonly Dialect[];
  /** The revisions from which it was reached in one go there, from `base` or the last that is released on. */
  readonly starts: readonly { readonly dialect: Dialect; readonly revisions: readonly string[] }[];
  /** What stood there for what hosts bring. */
  readonly hosts: readonly (HostUse & { readonly dialect: Dialect })[];
  /** Where the scripts up to the baseline did not run, the snapshot that it was begun at. */
  readonly grounds: readonly (Ground & { readonly dialect: Dialect })[];
  /** The tables that had no rows there. */
  readonly empty: readonly (Unfilled & { readonly dialect: Dialect })[];
  /** Why it is not proven, by dialect; only what was to be written all the same. */
  readonly failed: ReadonlyMap<Dialect, HarborError>;
  /** What is dangerous in it. */
  readonly hazards: readonly Finding[];
}

/**
 * Proves the last revision of each dialect as it will be once the changes are written, and looks for hazards in it.
 * Where there is nothing to run it on, it is only read.
 *
 * @throws {HarborError} `not_proven`, unless it is written all the same
 */
export async function checkNewRevision(
  changes: readonly FileChange[],
  { parts, dir, cwd, proof, mayFail }: {
    /** What is new, and where its files will be. */
    readonly parts: readonly { readonly dialect: Dialect; readonly place: string }[];
    readonly dir: string;
    /** Where paths are shown from. */
    readonly cwd: string;
    readonly proof: ReadonlyMap<Dialect, ProofSetting>;
    /** Whether it is written although it is not proven. */
    readonly mayFail: boolean;
  },
): Promise<Examined> {
  const proven: Dialect[] = [];
  const starts: Examined["starts"][number][] = [];
  const empty: Examined["empty"][number][] = [];
  const hosts: Examined["hosts"][number][] = [];
  const grounds: Examined["grounds"][number][] = [];
  const hazards: Finding[] = [];
  const failed = new Map<Dialect, HarborError>();
  for (const { dialect, place } of parts) {
    const history = historyAfter(changes, { dir, cwd, place, dialect });
    const setting = proof.get(dialect);
    try {
      if (setting === undefined) {
        refuseUnread(await checkStatements({ ...history, revisions: history.revisions.slice(-1) }));
      } else {
        const range = { first: history.revisions.length - 1, released: readReleased(dir, history) };
        const proof = await proveRevisions(history, range, setting);
        proven.push(dialect);
        starts.push({ dialect, revisions: proof.starts });
        if (proof.host !== null) hosts.push({ dialect, ...proof.host });
        if (proof.ground !== null) grounds.push({ dialect, ...proof.ground });
        empty.push(...proof.empty.map((each) => ({ dialect, ...each })));
      }
    } catch (error) {
      if (!(error instanceof HarborError) || error.code !== "not_proven") throw error;
      const hint = [
        ...failedStatement(error.details),
        ...hostHint(history.host, error.details),
        ...refusedHint(error.cause),
        ...baselineHint(dir, history),
        notProvenHint,
      ];
      if (!mayFail) throw error.with({ hint });
      failed.set(dialect, error);
    }
    // What is dangerous depends on the script and the schemas around it, and all others of a long history take long to read.
    const last = { ...history, revisions: history.revisions.slice(-2) };
    const found = checkHazards(last, await readScripts(last), usualPostgres);
    hazards.push(...found.filter(({ details }) => details["revision"] === headOf(history)?.id));
  }
  return { proven, starts, hosts, grounds, empty, failed, hazards };
}

const notProvenHint =
  "Change schema.ts; or write the scripts as they are, to be edited by hand: the same command with --write-unproven";

/** Where earlier revisions have no way back, as another tool's, what is proven with them fails for theirs. */
function baselineHint(dir: string, history: History): readonly string[] {
  const before = history.revisions.slice(readReleased(dir, history), -1);
  if (before.every((each) => each.downgrade() !== null)) return [];
  return [
    `Where databases have what is before it, prove it alone from now on: harbor-db check --baseline ${
      before.at(-1)!.id
    }`,
  ];
}

/** Returns the history of a dialect as it will be once the changes are written. */
export function historyAfter(
  changes: readonly FileChange[],
  { dir, cwd, place, dialect }: {
    readonly dir: string;
    readonly cwd: string;
    readonly place: string;
    readonly dialect: Dialect;
  },
): History {
  const texts = new Map(changes.map(({ path, text }) => [path, text]));
  return buildHistory(dialect, {
    folder: relative(cwd, join(dir, place, ".")),
    read: (path) => {
      const key = place + path;
      return texts.has(key) ? texts.get(key)! : readIfThere(join(dir, key));
    },
    isGarbled: (path) => !texts.has(place + path) && !isUtf8File(join(dir, place + path)),
  });
}

/** Refuses statements that were found not to be any.
 *
 * @throws {HarborError} `not_proven`
 */
export function refuseUnread([first]: readonly Finding[]): void {
  if (first === undefined) return;
  throw new HarborError("not_proven", `Cannot use the script: ${first.message}`, { details: first.details });
}
