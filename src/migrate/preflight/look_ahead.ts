import type { RunContext } from "../../engines/run_context.ts";
import type { Step } from "../rules/plan.ts";
import type { LookAhead } from "./preflight.ts";

/** Says of a constraint that nothing enforces it. */
export function notEnforcedText(constraint: string): string {
  return `not enforced, because triggers are disabled: ${constraint}`;
}

/**
 * Looks ahead as {@link preflight} does, and says that it does; of a new database only at the user's rights.
 *
 * @throws {HarborError} as {@link preflight}
 */
export async function lookAhead(
  context: RunContext,
  from: string | null,
  steps: readonly Step[],
): Promise<LookAhead | null> {
  if (steps.length === 0) return null;
  if (from === null) {
    const { rightsError } = await import("../../state/check_rights.ts");
    const forbidden = await rightsError("upgrade", context);
    if (forbidden !== null) throw forbidden;
    return null;
  }
  context.notify({ kind: "doing", text: "looking ahead" });
  const seen = await (await import("./preflight.ts")).preflight(context, from, steps);
  context.notify({ kind: "done" });
  return seen;
}
