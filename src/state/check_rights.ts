import { loadInspector } from "../engines/open/inspector.ts";
import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { ownNames } from "./read_unmanaged.ts";

/**
 * Returns the error for a user who may look at a database and not change it; `null` for one who may.
 *
 * @param tables Those that are to be changed; the application's and the version table unless told
 */
export async function rightsError(
  verb: string,
  { database, history }: RunContext,
  tables: readonly string[] = [...ownNames(history), "harbor_version"],
): Promise<HarborError | null> {
  const inspector = await loadInspector(database.dialect);
  const missing = await inspector.missingRights(database, tables);
  if (missing === null) return null;
  return new HarborError("read_only", `Cannot ${verb} "${database.url}": ${missing.state}`, {
    hint: missing.remedy,
  });
}
