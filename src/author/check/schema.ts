import { existsSync } from "node:fs";
import { compareSnapshots, type Difference } from "../../schema/compare/snapshots.ts";
import { normalizeDrizzleSnapshot } from "../../schema/drizzle_snapshot.ts";
import { HarborError } from "../../base/errors.ts";
import type { History } from "../../history/history.ts";
import type { ProjectFinding } from "../rules/folder/finding.ts";
import { loadDrizzleEngine } from "../project/drizzle_engine.ts";
import { type ProjectPart, type ProjectPaths, readProject } from "../project/read_project.ts";

/** Checks whether schema.ts says what the last revision of each history leaves behind. */
export async function checkSchema(
  paths: ProjectPaths,
  histories: readonly History[],
): Promise<readonly ProjectFinding[]> {
  if (!existsSync(paths.schemaFile)) {
    return [found("error", `${paths.schemaFile}: there is no such file`, "--schema schema.ts")];
  }
  try {
    const parts = await readProject(paths, await loadDrizzleEngine(), histories);
    return parts.filter((part) => part.isChanged).map((part) => {
      const differences = changesOf(part);
      const paths = differences.map(({ path }) => path).join(", ");
      const message = `schema.ts is ahead of the history on ${part.dialect}: ${
        paths || "names of constraints"
      }`;
      return found("fail", message, 'harbor-db generate "what changed"', {
        dialect: part.dialect,
        differences,
      });
    });
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    // Nobody can do anything about that.
    if (error.details["isReadOnly"] === true) {
      return [found("pass", `schema.ts was not compared: ${error.state}`, null, error.details)];
    }
    // What is wrong with the history is found by name.
    return [
      found("error", error.message, error.code === "bad_history" ? null : error.hint ?? null, error.details),
    ];
  }
}

/** Returns in what schema.ts differs from the last snapshot. */
export function changesOf({ from, to }: ProjectPart): readonly Difference[] {
  return compareSnapshots(normalizeDrizzleSnapshot(to), normalizeDrizzleSnapshot(from));
}

function found(
  status: ProjectFinding["status"],
  message: string,
  hint: string | null,
  details: ProjectFinding["details"] = {},
): ProjectFinding {
  return { check: "schema", status, message, hint, details };
}
