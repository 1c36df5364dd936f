import { missingRights } from "../engines/open/missing_rights.ts";
import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";

/**
 * Returns the error for a user who may look at a database and not change it; `null` for one who may.
 *
 * @param tables Those that are to be changed; the application's and the version table unless told
 */
export async function rightsError(
  verb: string,
  { database, history }: RunContext,
  tables?: readonly string[],
): Promise<HarborError | null> {
  const meant = async () =>
    tables ?? [...(await import("./own_names.ts")).ownNames(history), "harbor_version"];
  const missing = await missingRights(database, meant);
  if (missing === null) return null;
  return new HarborError("read_only", `Cannot ${verb} "${database.url}": ${missing.state}`, {
    hint: missing.remedy,
  });
}
