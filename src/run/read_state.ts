import type { HarborError } from "../core/errors.ts";
import type { Applied } from "../core/plan.ts";
import { readAlembicVersions, readApplied } from "../db/version_table.ts";
import type { RunContext } from "./context.ts";

/** What a database is to harbor-db. */
export interface State {
  /**
   * `empty`: no tables · `managed`: it has a version table · `alembic`: Alembic's version table names a revision and
   * the schema is exactly that revision's · `unmanaged`: anything else.
   */
  readonly kind: "empty" | "managed" | "alembic" | "unmanaged";
  /** The rows of the version table; for `alembic` those that it will get. */
  readonly applied: readonly Applied[];
  /** What Alembic's version table says; `null` without one. */
  readonly alembic: readonly string[] | null;
  /** Why an unmanaged database cannot be taken as it is. */
  readonly refusal: HarborError | null;
}

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
