import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";
import type { Revision } from "../history/history.ts";
import { snapshotIfThere } from "../history/revision_schema.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";
import { namedSchemas } from "../schema/named_schemas.ts";
import { isDefaultSchema } from "../sql/table_names.ts";

/**
 * Refuses a revision whose tables cannot be told apart by their names: what a database has in a schema of its own is known
 * as `schema.table`.
 *
 * @param revision What the database has, or shall have; none for base
 * @throws {HarborError} `schema_mismatch`
 */
export function requireSchemas(
  { url, schema: home, schemas = [] }: Database,
  revision: Revision | undefined,
): void {
  if (home === undefined || revision === undefined || snapshotIfThere(revision) === null) return;
  const snapshot = readKitSnapshot(revision.snapshot());
  const refuse = (state: string, hint: string, named: string) => {
    throw new HarborError(
      "schema_mismatch",
      `Cannot work on "${url}": revision ${revision.id} has ${state}`,
      {
        hint,
        details: { schema: named, first: home },
      },
    );
  };
  const named = namedSchemas(snapshot);
  const unknown = named.find((each) => !schemas.includes(each));
  // Only the database's ledger knows the revision.
  if (unknown !== undefined) {
    refuse(
      `things in schema "${unknown}", of which this history knows nothing`,
      "Use the release that has the revision.",
      unknown,
    );
  }
  const dotted = named.find((each) => each.includes("."));
  if (dotted !== undefined) {
    refuse(`things in schema "${dotted}", whose name has a dot in it`, "Give it another name.", dotted);
  }
  const own = Object.values(snapshot.tables).filter((table) => isDefaultSchema(table["schema"]));
  const reserved = named.find((each) => /^(pg_.*|information_schema|drizzle)$/.test(each));
  if (reserved !== undefined) {
    const whose = reserved === "drizzle" ? "drizzle's migrator" : "PostgreSQL";
    refuse(`things in schema "${reserved}", which is that of ${whose}`, "Give it another name.", reserved);
  }
  const [first] = own;
  if (first !== undefined && schemas.includes(home)) {
    refuse(
      `table "${first.name}" in the default schema and others in schema "${home}", which would be the same here`,
      "Name another default schema in the database URL: ?options=-csearch_path%3Dpublic",
      home,
    );
  }
  const mixed = own.find(({ name }) => schemas.some((each) => name.startsWith(`${each}.`)));
  if (mixed !== undefined) {
    refuse(
      `a table "${mixed.name}", which reads like one in a schema of its own`,
      "Give it another name.",
      mixed.name.slice(0, mixed.name.indexOf(".")),
    );
  }
}
