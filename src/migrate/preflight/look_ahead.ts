import type { RunContext } from "../../engines/run_context.ts";
import { bringsBack } from "../../state/rules/due.ts";
import { refuseMissingTypes } from "./missing_types.ts";
import type { LookAhead, Way } from "./preflight.ts";

/** Says of a constraint that nothing enforces it. */
export function notEnforcedText(constraint: string): string {
  return `not enforced, because triggers are disabled: ${constraint}`;
}

/**
 * Looks ahead as {@link preflight} does, and says that it does; where nothing is there and nothing comes back only at the user's rights,
 * and at types.
 *
 * @throws {HarborError} as {@link preflight}
 */
export async function lookAhead(
  context: RunContext,
  { from, steps, kept, live }: Way,
): Promise<LookAhead | null> {
  if (steps.length === 0) return null;
  if (from === null && !steps.some((step) => bringsBack(step, kept, context.history))) {
    const { rightsError } = await import("../../state/check_rights.ts");
    const forbidden = await rightsError("upgrade", context);
    if (forbidden !== null) throw forbidden;
    await refuseMissingTypes(context, { from, steps });
    return null;
  }
  context.notify({ kind: "doing", text: "looking ahead" });
  const seen = await (await import("./preflight.ts")).preflight(context, { from, steps, kept, live });
  context.notify({ kind: "done" });
  return seen;
}
