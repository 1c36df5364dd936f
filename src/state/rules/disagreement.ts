import { alembicForm, type Applied, locate } from "../../history/applied.ts";
import { HarborError } from "../../base/errors.ts";
import type { History } from "../../history/history.ts";

/**
 * Says in what Alembic's version table contradicts ours: one of the two is wrong about the schema. `null` when it does not,
 * when it is empty and so says nothing, and when ours contradicts the history, which is said elsewhere.
 */
export function disagreement(
  history: History,
  applied: readonly Applied[],
  alembic: readonly string[] | null,
): string | null {
  if (alembic === null || alembic.length === 0) return null;
  const position = positionOf(history, applied);
  if (position === null) return null;
  const current = history.revisions[position.done - 1]?.id;
  const expected = [current, position.unfinished?.revision].map((id) =>
    id === undefined ? id : alembicForm(id)
  );
  if (alembic.every((id) => expected.includes(id))) return null;
  return `alembic_version says ${alembic.join(", ")} and harbor_version says ${current ?? "base"}`;
}

function positionOf(history: History, applied: readonly Applied[]) {
  try {
    return locate(history, applied);
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}
