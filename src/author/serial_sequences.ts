import type { History } from "../history/history.ts";
import { follow, startOf } from "../migrate/rules/origins.ts";
import { serialSequence } from "../sql/cut_name.ts";
import { nameIn, placeOfName } from "../sql/table_names.ts";
import { isSerial } from "../sql/postgres_spelling.ts";
import type { ChangePair } from "./draft_revision.ts";
import { passagesBetween } from "./proof/place.ts";
import type { SchemaChange } from "./rules/change/stages.ts";
import { applyRenames, tablesByName } from "./rules/change/renames.ts";

/**
 * Returns a change that knows what the sequences of its `serial` columns are called: as table and column were when they were
 * made, since a rename leaves them. The history is only read where it matters.
 */
export function withSequences({ up, down }: ChangePair, history: History): ChangePair {
  if (!retypesSerial(up)) return { up, down };
  const sequences = sequencesAt(history);
  return { up: { ...up, sequences }, down: { ...down, sequences } };
}

function retypesSerial({ from, to, renames }: SchemaChange): boolean {
  const before = tablesByName(applyRenames(from, renames));
  return [...tablesByName(to).values()].some(({ name, columns }) =>
    Object.values(columns).some((column) => {
      const was = before.get(name)?.columns[column.name];
      return was !== undefined && was.type !== column.type && isSerial(was.type);
    })
  );
}

/** Returns the sequences at the end of a history, by `table.column`. */
function sequencesAt(history: History): ReadonlyMap<string, string> {
  let known: ReadonlyMap<string, string> = new Map();
  for (const passage of passagesBetween(history, 0, history.revisions.length)) {
    const origins = follow(startOf(passage.before), passage);
    known = new Map(passage.after.tables.flatMap(({ name, columns }) => {
      const { schema, bare } = placeOfName(name, passage.after.schemas ?? []);
      const origin = origins.get(name);
      return columns.filter(({ identity }) => identity).map((column) => {
        const was = `${origin?.table}.${origin?.columns.get(column.name)?.column}`;
        return [
          `${name}.${column.name}`,
          known.get(was) ?? nameIn(schema, serialSequence(bare, column.name)),
        ] as const;
      });
    }));
  }
  return known;
}
