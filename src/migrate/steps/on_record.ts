import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { readAppliedRow } from "../../engines/version_table.ts";
import type { Step } from "../rules/plan.ts";

const table = "harbor_version";

/**
 * Makes sure that a step is on record: what hangs on the version table may go by what is written.
 *
 * @throws {HarborError} `statement_failed`
 */
export async function requireRecorded(
  { database }: RunContext,
  { revision, direction }: Step,
): Promise<void> {
  const row = await readAppliedRow(database, revision.id);
  const isDone = direction === "upgrade" ? (row?.finishedAt ?? null) !== null : row === undefined;
  if (isDone) return;
  throw new HarborError(
    "statement_failed",
    "its script ran, and harbor_version does not say so: something keeps the record from being written",
    {
      hint:
        `Look for a trigger on harbor_version and drop it. What the script did stands; this records it: harbor-db stamp ${
          (direction === "upgrade" ? revision.id : revision.parent) ?? "base"
        }`,
      details: { table },
    },
  );
}
