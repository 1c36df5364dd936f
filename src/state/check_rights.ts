import { keptFromWriting, missingRights } from "../engines/open/missing_rights.ts";
import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";
import type { MissingRights } from "../engines/inspector.ts";
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
  return errorOf(verb, database, await missingRights(database, meant));
}

/** Returns the error for a database in which nothing can be written; `null` for any other. */
export async function readOnlyError(
  verb: string,
  { database }: Pick<RunContext, "database">,
): Promise<HarborError | null> {
  return errorOf(verb, database, await keptFromWriting(database));
}

function errorOf(verb: string, { url }: Database, missing: MissingRights | null): HarborError | null {
  return missing &&
    new HarborError("read_only", `Cannot ${verb} "${url}": ${missing.state}`, { hint: missing.remedy });
}
