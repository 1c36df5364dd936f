import { readAlembicVersions } from "../engines/version_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { profileOf } from "../profile/find_profile.ts";

/**
 * Reads what Alembic's version table says of the history; `null` when there is none, or when it is another program's: that
 * of an application which never was Alembic's, and names none of its revisions.
 */
export async function readAlembic(
  { database, history }: Pick<RunContext, "database" | "history">,
): Promise<readonly string[] | null> {
  const rows = await readAlembicVersions(database);
  const isKnown = rows?.some((row) => history.revisions.some(({ id }) => id === row)) ?? false;
  return profileOf(history)?.isFromAlembic || isKnown ? rows : null;
}
