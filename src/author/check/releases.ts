import { join, relative } from "node:path";
import { mostBytes } from "../../base/files/read_if_there.ts";
import { readWrittenText } from "../../base/files/written_text.ts";
import { HarborError } from "../../base/errors.ts";
import { headOf, type History } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { releasesThatRun, straysIn } from "../../releases/may_run.ts";
import { readReleases, type Release, releasesPath } from "../../releases/releases.ts";
import { stoppedReleases } from "../../releases/words.ts";
import type { ProjectFinding } from "../rules/folder/finding.ts";
import type { ProjectPaths } from "../project/read_project.ts";
import { found, orNull } from "../project/read_scripts.ts";

/**
 * Checks the file that says what releases need: that each table and column in it is one that a revision has, and that some
 * release may run on head.
 *
 * @returns `null` when there is no such file
 */
export function checkReleases(
  histories: readonly History[],
  { paths: { dir }, cwd }: { readonly paths: ProjectPaths; readonly cwd: string },
): readonly ProjectFinding[] | null {
  const path = join(dir, releasesPath);
  const file = relative(cwd, path);
  const say = (status: "warn" | "fail", message: string, hint: string, details = {}) =>
    found("releases", { status, message: `${file}: ${message}`, details: { ...details, file } }, hint);
  let releases: readonly Release[];
  try {
    const text = readWrittenText(path, mostBytes);
    if (text === undefined) return null;
    releases = readReleases(text, file);
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const hint = error.code === "bad_config" ? undefined : error.hint;
    return [say("fail", error.state, hint ?? "Correct it: docs/releases.md says what stands in it.")];
  }
  const schemas = histories.flatMap(({ revisions, covered = [] }) =>
    [...covered, ...revisions].flatMap((revision) => orNull(() => snapshotIfThere(revision)) ?? [])
  );
  const strays = straysIn(schemas, releases).map(({ release, table, column }) =>
    say(
      "fail",
      `${release} needs ${column === null ? `table ${table}` : `${table}.${column}`}, which no revision has`,
      "Correct its name, or take it out.",
      { release, table, column },
    )
  );
  return [...strays, ...histories.flatMap((history) => onHead(history, releases, say))];
}

function onHead(
  history: History,
  releases: readonly Release[],
  say: (status: "warn", message: string, hint: string, details: object) => ProjectFinding,
): readonly ProjectFinding[] {
  const head = headOf(history);
  const schema = head === undefined ? null : orNull(() => snapshotIfThere(head));
  if (schema === null || releases.length === 0) return [];
  const verdicts = releasesThatRun(schema, releases);
  if (verdicts.some(({ mayRun }) => mayRun)) return [];
  const reasons = stoppedReleases(verdicts).map((each) => `${each.releases.join(", ")}: ${each.reason}`);
  return [
    say(
      "warn",
      `no release may run on ${head!.id} of ${history.dialect} (${reasons.join("; ")})`,
      "Name the release that goes with it.",
      { dialect: history.dialect },
    ),
  ];
}
