import type { Statement } from "../../history/scripts/statement.ts";
import type { BridgeStatement } from "./bridge_statement.ts";

/** Returns the statements of an adoption that change something, as they run. */
export function changesOf(
  { statements, phases }: {
    readonly statements: readonly BridgeStatement[];
    readonly phases: readonly Statement[] | null;
  },
): readonly string[] {
  return (phases ?? statements.filter(({ isGuard }) => !isGuard)).map(({ sql }) => sql);
}
