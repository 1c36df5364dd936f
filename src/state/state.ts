import type { Applied } from "../history/applied.ts";
import type { HarborError } from "../base/errors.ts";

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
