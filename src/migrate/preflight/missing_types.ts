import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Revision } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import type { Step } from "../rules/plan.ts";
import { newTypes } from "./rules/new_types.ts";

/**
 * Refuses steps that give a column a type which is not there and which no statement of theirs makes, as one of an extension that nobody
 * installed: its statement would fail in the middle of the run. Reads only.
 *
 * @throws {HarborError} `schema_mismatch`
 */
export async function refuseMissingTypes(
  { database, history }: Pick<RunContext, "database" | "history">,
  { from, steps }: { readonly from: string | null; readonly steps: readonly Step[] },
): Promise<void> {
  const [first, last] = [steps[0], steps.at(-1)];
  if (database.missingTypes === undefined || first === undefined || last === undefined) return;
  const revisionAt = (id: string | null) => history.revisions.find((revision) => revision.id === id);
  const schemaAt = (revision: Revision | undefined) =>
    revision === undefined ? null : snapshotIfThere(revision);
  const after = schemaAt(last.direction === "upgrade" ? last.revision : revisionAt(last.revision.parent));
  if (after === null) return;
  const scripts = steps.map(({ script }) => script.statements.map(({ sql }) => sql));
  const wanted = newTypes(schemaAt(revisionAt(from)), after, scripts);
  if (wanted.length === 0) return;
  const missing = await database.missingTypes(wanted.map(({ name }) => name));
  const found = wanted.find(({ name }) => missing.includes(name));
  if (found === undefined) return;
  const { path, type, name, script } = found;
  const revision = steps[script]!.revision.id;
  const attempt = `Cannot ${first.direction} "${database.url}": on the way past ${revision}`;
  throw new HarborError(
    "schema_mismatch",
    `${attempt}, the column ${path} is to be ${type}, and the database has no such type`,
    {
      hint: [
        "Nothing was changed. Have it made in the database, or by a script before that:",
        `CREATE EXTENSION "${extensions[name] ?? name}"; (where an extension has it)`,
      ],
      details: { type, column: path, revision },
    },
  );
}

/** The extensions whose types are not called as they are. */
const extensions: Readonly<Record<string, string>> = {
  geometry: "postgis",
  geography: "postgis",
  halfvec: "vector",
  sparsevec: "vector",
};
