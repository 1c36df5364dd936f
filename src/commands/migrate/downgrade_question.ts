import type { RunContext } from "../../engines/run_context.ts";
import type { PreparedPlan } from "../../migrate/migrate.ts";
import { countRows } from "../../state/count_rows.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { describeContents, rowsText } from "../backup/contents.ts";

/**
 * Returns the question before a downgrade: on which database, what is in it, and what of it goes.
 *
 * @param attached What hangs on indexes and constraints and goes with them
 */
export async function downgradeQuestion(
  context: RunContext,
  { steps, from, to }: PreparedPlan,
  { noBackup, attached }: { readonly noBackup: boolean; readonly attached: readonly string[] },
): Promise<string> {
  const names = steps.map(({ revision }) => `${revision.id} (${revision.name})`).join(", ");
  const contents = await describeContents(context);
  const losses = await lossesOf(context, { from, to });
  return [
    `Undo ${names} on ${context.database.url} (${contents ?? "empty"}) and go to ${to ?? "base"}?`,
    losses.length === 0 ? "No table and no column goes." : `What goes: ${losses.join(", ")}.`,
    ...attached.length === 0 ? [] : [`With indexes and constraints go: ${attached.join("; ")}.`],
    noBackup ? "Nothing is backed up." : "It is backed up first.",
  ].join(" ");
}

/** Names the tables and columns that the target does not have, with the rows that have something in them. */
async function lossesOf(
  { database, history }: RunContext,
  { from, to }: Pick<PreparedPlan, "from" | "to">,
): Promise<readonly string[]> {
  const tablesAt = (id: string | null) => {
    const revision = history.revisions.find((each) => each.id === id);
    return revision === undefined ? [] : snapshotIfThere(revision)?.tables ?? [];
  };
  const left = new Map(tablesAt(to).map(({ name, columns }) => [name, columns]));
  const losses: string[] = [];
  for (const { name, columns } of tablesAt(from)) {
    const stays = left.get(name);
    if (stays === undefined) {
      losses.push(`table ${name} (${rowsText([await countRows(database, name)])})`);
      continue;
    }
    for (const column of columns.filter((each) => stays.every((other) => other.name !== each.name))) {
      const filled = rowsText([await countRows(database, name, column.name)]);
      losses.push(`column ${name}.${column.name} (${filled} with a value)`);
    }
  }
  return losses;
}
