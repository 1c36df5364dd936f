import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { findHolders } from "../../engines/open/holders.ts";
import type { Step } from "../rules/plan.ts";
import { remedyForHolder } from "./rules/type_changes.ts";

/**
 * Refuses steps of which a statement would fail for a view, a trigger or an index that no step knows, when the steps before it
 * are done; or behind which one of those works no more, so that who writes to its table fails. Reads only.
 *
 * @throws {HarborError} `schema_mismatch`
 */
export async function refuseHolders(
  { database }: Pick<RunContext, "database">,
  steps: readonly Step[],
  attempt: string,
): Promise<void> {
  const scripts = steps.map(({ script }) => script.statements.map(({ sql }) => sql));
  const held = await findHolders(database, scripts);
  if (held === null) return;
  const { objects } = held;
  const { id } = steps[held.script]!.revision;
  const names = objects.map(({ kind, name }) => `the ${kind} ${name}`).join(" and ");
  throw new HarborError(
    "schema_mismatch",
    `${attempt}: on the way past ${id}, ${names} ${
      objects.length === 1 ? "uses" : "use"
    } what is not there then`,
    { hint: objects.map(remedyForHolder), details: { held: objects, revision: id } },
  );
}
