import { type SQL, sql } from "drizzle-orm";
import { isSameName } from "../../base/fold_name.ts";
import { becameColumn, type Kept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Column } from "../../schema/snapshot.ts";
import type { Step } from "../rules/plan.ts";
import { effectsOf } from "../rules/statement_effects.ts";
import { oppositeOf } from "./given_values.ts";
import type { Loss } from "./rules/losses.ts";
import { all, any, hasNoNull, type Words } from "./side/words.ts";

/** Which rows may get another value; `null` for all. */
export function changedRows({ columns }: Changed): SQL | null {
  return columns.some(({ change, length }) => change === "changed" && length === null) ? null : any(
    columns.map(({ name, length }) => {
      const value = sql`t.${sql.identifier(name)}`;
      return length === null
        ? sql`${value} IS NULL`
        : sql`length(CAST(${value} AS text)) > ${sql.raw(String(length))}`;
    }),
  );
}

/** Notes what became of the values, and forgets those that stayed. */
export function noteResults(
  own: Words,
  { kept, loss, known, isRewritten }: {
    readonly kept: Pick<Kept, "sideTable" | "columns" | "keys">;
    readonly loss: Changed;
    readonly known: readonly Column[];
    readonly isRewritten: boolean;
  },
): readonly SQL[] {
  const side = ownTable(kept.sideTable);
  const [t, k] = [sql.raw("t"), sql.raw("k")];
  const now = (name: string) => sql`${t}.${sql.identifier(loss.names.get(name)!)}`;
  const match = known.length === 0 ? sql`FALSE` : all([
    ...kept.keys.length > 0 ? hasNoNull(known, "k") : own.isLikely(known, (name) => loss.names.get(name)!),
    ...known.map((column) => own.isKey(now(column.name), sql`${k}.${sql.identifier(column.name)}`, column)),
  ]);
  const became = kept.columns.map(({ name, type }, place) =>
    sql`${sql.identifier(becameColumn(place))} = ${own.result(now(name), type)}`
  );
  return [
    sql`UPDATE ${side} AS k SET ${sql.join(became, sql`, `)} FROM ${ownTable(loss.now)} AS t WHERE ${match}`,
    ...isRewritten ? [] : [sql`DELETE FROM ${side} WHERE ${hasStayed(own, kept)}`],
  ];
}

/** Whether a row of a side table has become no other. */
export function hasStayed(own: Words, { columns }: Pick<Kept, "columns">): SQL {
  return all(
    columns.map(({ name, type }, place) =>
      own.hasStayed(sql`${sql.identifier(name)}`, sql`${sql.identifier(becameColumn(place))}`, type)
    ),
  );
}

type Changed = Loss & { readonly kind: "changed" };

/**
 * Whether the opposite script writes the same columns, or works them out in a copy, or may do so where it cannot be read: then it makes
 * others of values that this one lets stay, too.
 */
export function isRewritten({ database }: RunContext, step: Step, { now, columns, names }: Changed): boolean {
  const { dialect } = database;
  const opposite = oppositeOf(step, database);
  if (opposite === null) return true;
  const effects = opposite.flatMap((sql) => effectsOf(sql, dialect));
  const isSame = (a: string, b: string) => isSameName(dialect, a, b);
  const isOneOf = (written: readonly string[], name: string) => written.some((each) => isSame(each, name));
  return effects.some((effect) => {
    if (effect.kind === "write" && !effect.isFill && isSame(effect.table, now)) {
      return columns.some(({ name }) => effect.columns === null || isOneOf(effect.columns, names.get(name)!));
    }
    if (effect.kind !== "copy" || !isSame(effect.source, now)) return false;
    const takesItsPlace = effects.some((each) =>
      each.kind === "rename" && isSame(each.table, effect.table) && isSame(each.to, now)
    );
    const worked = effect.columns.filter(({ from }) => from === null).map(({ column }) => column);
    return takesItsPlace && columns.some(({ name }) => isOneOf(worked, name));
  });
}
