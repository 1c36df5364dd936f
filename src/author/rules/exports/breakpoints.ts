import { HarborError } from "../../../base/errors.ts";
import { breakpoint } from "../../../history/scripts/script.ts";
import type { KitSnapshot, KitTable } from "../../../schema/kit_snapshot.ts";

/**
 * Refuses what would hold drizzle-kit's line between two statements in the middle of one: whoever runs a script cuts it there.
 *
 * @param file The schema.ts, as messages name it
 * @throws {HarborError} `bad_schema`
 */
export function refuseBreakpoints(file: string, snapshot: KitSnapshot): void {
  const found = [
    ...Object.values(snapshot.tables).flatMap(ofTable),
    ...Object.values(snapshot.enums ?? {}).map(({ name, values }) =>
      [`the enum type ${name}`, values] as const
    ),
    ...Object.values(snapshot.views ?? {}).map((view) => [`the view ${view.name}`, view.definition] as const),
  ].find(([, said]) => JSON.stringify(said ?? null).includes(breakpoint));
  if (found === undefined) return;
  throw new HarborError(
    "bad_schema",
    `Cannot use "${file}": ${found[0]} has "${breakpoint}" in it, at which a script is cut into statements`,
    { hint: "Put it together of two texts: sql`'--> ' || 'statement-breakpoint'`" },
  );
}

type Said = readonly [thing: string, said: unknown];

function ofTable(table: KitTable): readonly Said[] {
  const { name, columns, indexes, checkConstraints, ...others } = table;
  return [
    ...Object.values(columns).map((column): Said => [`the column ${name}.${column.name}`, column]),
    ...Object.values(indexes).map((index): Said => [`the index ${index.name} of ${name}`, index]),
    ...Object.values(checkConstraints).map((check): Said => [`the check ${check.name} of ${name}`, check]),
    [`the table ${name}`, { name, ...others }],
  ];
}
