import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import type { KitColumn } from "../schema/kit_snapshot.ts";
import { applyRenames, type RenamedEnds, tablesByName } from "./rules/change/renames.ts";
import { labelsOf } from "./rules/change/enums.ts";
import { postgresCast } from "./rules/types/postgres_cast.ts";

/** How the values of a column get into another type; `null` where they do not. */
const casts: Readonly<
  Record<Dialect, (before: KitColumn, after: KitColumn, labels: readonly string[]) => string | null>
> = {
  // A column takes values of whatever type.
  sqlite: (before) => before.name,
  postgresql: (before, after, labels) => postgresCast(before, after, { type: after.type, labels }),
};

/**
 * Refuses a change in which a column takes a type that nothing leads to, or back from.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseUncastable(command: string, { from, to, renames }: RenamedEnds): void {
  const castOf = casts[to.dialect];
  const before = tablesByName(applyRenames(from, renames));
  for (const table of tablesByName(to).values()) {
    for (const column of Object.values(table.columns)) {
      const was = before.get(table.name)?.columns[column.name];
      if (was === undefined || was.type === column.type) continue;
      const labels = labelsOf({ from, to, renames }, was, column);
      const isThere = castOf(was, column, labels) !== null;
      if (isThere && castOf(column, was, labels) !== null) continue;
      const [one, other] = isThere ? [column, was] : [was, column];
      const name = `${table.name}.${column.name}`;
      throw new HarborError(
        "bad_schema",
        `Cannot ${command}: PostgreSQL makes no ${other.type} of the ${one.type} in ${name}${
          isThere ? ", which the way back needs" : ""
        }`,
        {
          hint:
            `Add a column of the type ${column.type} beside ${name}, fill it in a revision of harbor-db create, and drop ${name} in a later one; or add --write-unproven, and write both USING by hand.`,
          details: { column: name, from: was.type, to: column.type },
        },
      );
    }
  }
}
