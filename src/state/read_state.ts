import type { State } from "./state.ts";
import { readAlembic } from "./read_alembic.ts";
import { readAppliedIn } from "../engines/version_table.ts";
import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { disagreement } from "./rules/disagreement.ts";

/**
 * Looks at a database and says what it is, without changing it.
 *
 * @throws {HarborError} when it cannot be read; what speaks against taking it over is returned, not thrown
 */
export async function readState(context: RunContext): Promise<State> {
  const { database } = context;
  const [applied, alembic] = await Promise.all([readAppliedIn(context), readAlembic(context)]);
  const claim = disagreement(context.history, applied ?? [], applied === null ? null : alembic);
  if (applied !== null && (applied.length > 0 || claim !== null)) {
    return {
      kind: "managed",
      applied,
      alembic,
      refusal: claim === null ? null : contradiction(database.url, claim),
    };
  }
  // Most databases are managed, and never need what it takes to look at another one.
  const { readAtBase, readUnmanaged } = await import("./read_unmanaged.ts");
  return await (applied === null ? readUnmanaged : readAtBase)(context, alembic);
}

function contradiction(url: string, claim: string): HarborError {
  return new HarborError("schema_mismatch", `Cannot work on "${url}": ${claim}`, {
    hint: "Look at the schema, and set both right: harbor-db adopt",
  });
}
