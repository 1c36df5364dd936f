import type { ProjectFinding } from "../rules/folder/finding.ts";
import type { History, Revision } from "../../history/history.ts";
import { judgeScript } from "./rules/judge_script.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { snapshotOf } from "../../history/revision_schema.ts";
import { fileOf, found, orNull, type ReadScripts } from "../project/read_scripts.ts";

/** Finds what is dangerous in the upgrade scripts, on PostgreSQL of a major version. */
export function checkHazards(
  { dialect, revisions }: History,
  scripts: ReadScripts,
  version: number,
): readonly ProjectFinding[] {
  const none: Snapshot = { dialect, tables: [], others: [] };
  const schemas = revisions.map((revision) => schemaOf(revision));
  return revisions.flatMap((revision, index) => {
    const script = scripts.get(revision.id);
    const before = index === 0 ? none : schemas[index - 1];
    const after = schemas[index];
    if (script === undefined || after === undefined) return [];
    const { name, id } = revision;
    const file = fileOf(revision);
    if (before === undefined) {
      const details = { dialect, revision: id, file };
      const message = `${file}: not judged, since ${revisions[index - 1]!.id} before it has no snapshot`;
      return [found("hazard", { status: "warn", message, details }, noSnapshot(revisions[index - 1]!))];
    }
    const judged = judgeScript(script, { dialect, version, name, before, after });
    return [
      ...judged.found.map(({ hazard, severity, message, line, isAllowed }) => {
        const details = { dialect, revision: id, file, line, hazard: hazard.id, isAllowed };
        if (isAllowed) {
          return found("hazard", {
            status: "pass",
            message: `${file}:${line}: ${hazard.id} is accepted`,
            details,
          }, null);
        }
        const hint = `${
          hazard.remedy[dialect]
        } Or say why not, above it: -- harbor:allow ${hazard.id} REASON`;
        return found("hazard", {
          status: severity,
          message: `${file}:${line}: ${hazard.id}: ${message}`,
          details,
        }, hint);
      }),
      ...judged.unused.map(({ id: hazard, line, isKnown }) => {
        const state = isKnown ? "nothing here is that" : "there is no such hazard";
        const details = { dialect, revision: id, file, line, hazard };
        const message = `${file}:${line}: harbor:allow ${hazard}: ${state}`;
        return found("hazard", { status: isKnown ? "warn" : "fail", message, details }, "Remove the line.");
      }),
    ];
  });
}

/** Of what was never written, the one before it says all but what the script does. */
function noSnapshot({ files: [, , snapshot] }: Revision): string {
  return `Take ${snapshot} from where the history was written; where none ever was, copy the one before it to that name.`;
}

function schemaOf(revision: Revision): Snapshot | undefined {
  return orNull(() => snapshotOf(revision)) ?? undefined;
}
