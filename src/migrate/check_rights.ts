import { loadInspector } from "../engines/open/inspector.ts";
import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { ownNames } from "../state/read_unmanaged.ts";

/** Returns the error for a user who may look at a database and not change it; `null` for one who may. */
export async function rightsError(
  verb: string,
  { database, history }: RunContext,
): Promise<HarborError | null> {
  const inspector = await loadInspector(database.dialect);
  const missing = await inspector.missingRights(database, [...ownNames(history), "harbor_version"]);
  if (missing === null) return null;
  return new HarborError("read_only", `Cannot ${verb} "${database.url}": ${missing.state}`, {
    hint: missing.remedy,
  });
}
