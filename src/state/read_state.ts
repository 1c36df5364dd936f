import type { State } from "./state.ts";
import { readAlembicVersions, readApplied } from "../engines/version_table.ts";
import type { RunContext } from "../engines/run_context.ts";

/**
 * Looks at a database and says what it is, without changing it.
 *
 * @throws {HarborError} when it cannot be read; what speaks against taking it over is returned, not thrown
 */
export async function readState(context: RunContext): Promise<State> {
  const { database } = context;
  const [applied, alembic] = await Promise.all([readApplied(database), readAlembicVersions(database)]);
  if (applied !== null) return { kind: "managed", applied, alembic, refusal: null };
  // Most databases are managed, and never need what it takes to look at another one.
  const { readUnmanaged } = await import("./read_unmanaged.ts");
  return await readUnmanaged(context, alembic);
}
