import type { BesideFile } from "../../database.ts";
import { buildMirror } from "./build_mirror.ts";
import type { MirrorTask } from "./run.ts";
import { planIndex } from "./index_shadow.ts";
import type { BesideContext } from "./paced.ts";

/** Builds the index of a `CREATE INDEX`; see {@link buildMirror}. */
export function buildIndex(
  file: BesideFile,
  task: Omit<MirrorTask, "plan">,
  context: BesideContext,
): Promise<boolean> {
  const { statement } = task;
  return buildMirror(file, { ...task, plan: (rows, id) => planIndex(rows, id, statement) }, context);
}
