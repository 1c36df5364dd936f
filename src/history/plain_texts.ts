import { HarborError } from "../base/errors.ts";
import type { Revision } from "./history.ts";
import type { Script } from "./scripts/script.ts";
import type { Statement } from "./scripts/statement.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { withPlainNames } from "../sql/table_names.ts";

/** Returns a script's statements with the names that the schemas around it have for what is in schemas of its own. */
export function withPlainTexts(
  { statements }: Script,
  around: readonly Pick<Snapshot, "schemas">[],
): readonly Statement[] {
  const schemas = [...new Set(around.flatMap((each) => each.schemas ?? []))];
  return statements.map((each) => ({ ...each, sql: withPlainNames(each.sql, schemas) }));
}

/** Returns the texts of {@link withPlainTexts}, to be read and not to be run. */
export function plainTexts(script: Script, around: readonly Pick<Snapshot, "schemas">[]): readonly string[] {
  return withPlainTexts(script, around).map(({ sql }) => sql);
}

/** Returns the {@link plainTexts} of a script; `null` of one that is not there, or cannot be read. */
export function readableTexts(
  read: () => Script | null,
  around: Pick<Snapshot, "schemas">,
): readonly string[] | null {
  try {
    const script = read();
    return script === null ? null : plainTexts(script, [around]);
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}

/** Returns the {@link plainTexts} of all upgrades; those of a script that cannot be read are the history check's affair. */
export function upgradeTexts(
  revisions: readonly Revision[],
  live: Pick<Snapshot, "schemas">,
): readonly string[] {
  return revisions.flatMap((revision) => readableTexts(() => revision.upgrade(), live) ?? []);
}
