import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";
import type { Revision } from "../history/history.ts";
import { snapshotIfThere } from "../history/revision_schema.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";

/**
 * Refuses a revision that has something in another schema than the one that harbor-db looks at: neither backups nor
 * `verify` would know of it, and a table of the same name would be taken for it.
 *
 * @param revision What the database has, or shall have; none for base
 * @throws {HarborError} `schema_mismatch` that names it
 */
export function requireOneSchema({ url, schema }: Database, revision: Revision | undefined): void {
  if (schema === undefined || revision === undefined || snapshotIfThere(revision) === null) return;
  const { tables, enums = {}, views = {}, sequences = {} } = readKitSnapshot(revision.snapshot());
  const things = [
    ...thingsOf("table", tables),
    ...thingsOf("type", enums),
    ...thingsOf("view", views),
    ...thingsOf("sequence", sequences),
  ];
  // What names none, or drizzle's own, is made wherever new tables are.
  const foreign = things.filter((each) => ![schema, "public", ""].includes(each.schema));
  const [first] = foreign;
  if (first === undefined) return;
  const named = new Set(things.map((each) => each.schema));
  throw new HarborError(
    "schema_mismatch",
    `Cannot work on "${url}": revision ${revision.id} has ${first.what} in schema "${first.schema}", and one history keeps one schema, here "${schema}"`,
    {
      hint: named.size === 1
        ? `Name it in the database URL: ?options=-csearch_path%3D${encodeURIComponent(first.schema)}`
        : "Run this history with drizzle-kit: harbor-db's backups and checks would leave out what is in other schemas.",
      details: { schema: first.schema, first: schema },
    },
  );
}

interface Thing {
  readonly what: string;
  readonly schema: string;
}

function thingsOf(
  kind: string,
  named: Readonly<Record<string, { readonly name: string; readonly [field: string]: unknown }>>,
): readonly Thing[] {
  return Object.values(named).filter((each) => each["isExisting"] !== true).map((each) => ({
    what: `${kind} "${each.name}"`,
    schema: typeof each["schema"] === "string" ? each["schema"] : "",
  }));
}
