import type { KitTable } from "../../../../schema/kit_snapshot.ts";
import { isConstant } from "../../../../sql/constant_expression.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { tablesByName } from "../../change/renames.ts";
import type { SchemaChange } from "../../change/stages.ts";
import { draft } from "../draft_statement.ts";
import type { Placed } from "./phases.ts";

/** Returns a name as a directive takes it. */
function parameter(name: string): string {
  return /\s/.test(name) ? quoteName(name) : name;
}

/** Returns the statements that fill columns which may not be NULL. */
export function backfills({ fills, to, isAtomic }: SchemaChange): readonly Placed[] {
  return fills.flatMap(({ table, column, value, existed }): Placed[] => {
    if (!existed && isConstant(value, "postgresql")) return [];
    const key = keyOf(tablesByName(to).get(table)!);
    // Rows are not found by what they are to get.
    const isOwn = key !== null &&
      fills.some((each) => each.table === table && each.column === key && each.existed);
    const directive = key === null || isOwn
      ? []
      : [`harbor:backfill table=${parameter(table)} key=${parameter(key)}`];
    const how = key === null || isOwn
      ? "in one go, since no key of one column cuts it"
      : "in batches, while others write";
    const update = `UPDATE "${table}" SET "${column}" = ${value} WHERE "${column}" IS NULL;`;
    if (isAtomic) return [["fill", draft(update)]];
    const first: Placed = [
      "fill",
      draft(update, `Fills ${table}.${column} ${how}.`, ...directive),
    ];
    if (!existed) return [first];
    return [
      first,
      [
        "refill",
        draft(update, `And what the application wrote until ${column} could not be NULL.`, ...directive),
      ],
    ];
  });
}

/** Returns the column by whose ranges a table's rows can be gone through; `null` without a key of one column. */
function keyOf({ columns }: KitTable): string | null {
  return Object.values(columns).find((column) => column.primaryKey)?.name ?? null;
}
