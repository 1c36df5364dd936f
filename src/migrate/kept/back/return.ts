import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { keptRow, withCount } from "../../../engines/kept_table.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import { list, type Listener, words } from "../side/words.ts";
import { returnOfRows } from "./rows.ts";
import { hasPlaceIn, isNameless, placesIn, type Subject, type Way } from "./subject.ts";
import { returnOfValues } from "./values.ts";

/** How kept data comes back into its table. */
export interface Return extends Pick<Way, "closing" | "isRepeated"> {
  /** Runs before the first of them, each time that they are gone through. */
  readonly opening: readonly SQL[];
  /** Returns the statements that put back the rows behind one number up to another, and forget what fitted. */
  readonly change: (after: number, upTo: number) => readonly SQL[];
  /** Takes away what that made, when nothing is asked any more. */
  readonly ending: readonly SQL[];
  /** Counts what stays kept, by why: `newer`, `dangling`, `homeless` and `nameless`. */
  readonly remainder: SQL;
}

const id = sql.identifier;

/** Returns how one table's kept data comes back. */
export function returnOf(dialect: Dialect, subject: Subject): Return {
  const { kept, table, live, rules } = subject;
  const triggers = live.others.flatMap(({ kind, table: on, name, sql, fires }): readonly Listener[] =>
    kind === "trigger" && on === table.name ? [{ kind, name, sql, fires: fires ?? "O" }] : []
  );
  const pauses = [...triggers, ...rules].map((each) => words[dialect].pause(each, table.name));
  const way = kept.kind === "table" ? returnOfRows(dialect, subject) : returnOfValues(dialect, subject);
  const side = ownTable(kept.sideTable);
  const hasPlace = hasPlaceIn(subject);
  const places = placesIn(dialect, subject);
  return {
    ...way,
    opening: places?.make ?? [],
    ending: places?.drop ?? [],
    change: (after, upTo) => {
      const range = sql`k.${id(keptRow)} > ${sql.raw(String(after))} AND k.${id(keptRow)} <= ${
        sql.raw(String(upTo))
      }`;
      return [
        ...pauses.flatMap(({ before }) => before),
        ...way.put(range),
        ...pauses.flatMap(({ after }) => after),
        ...withCount(kept, range, [
          sql`DELETE FROM ${side} AS k WHERE ${range} AND ${hasPlace} AND ${way.isBack}`,
        ]),
        // Numbers below 1 are never walked again: what is newer once is not overwritten by chance later.
        sql`UPDATE ${side} AS k SET ${id(keptRow)} = -${id(keptRow)} WHERE ${range} AND ${way.isOvertaken}`,
      ];
    },
    remainder: sql`SELECT ${
      list([
        sql`${countIf(sql`k.${id(keptRow)} < 0`)} AS newer`,
        sql`${countIf(sql`k.${id(keptRow)} > 0 AND NOT (${hasPlace})`)} AS homeless`,
        sql`${countIf(sql`k.${id(keptRow)} > 0 AND (${hasPlace}) AND (${way.isDangling})`)} AS dangling`,
        sql`${countIf(sql`k.${id(keptRow)} > 0 AND (${hasPlace}) AND (${isNameless(subject)})`)} AS nameless`,
      ])
    } FROM ${side} AS k`,
  };
}

function countIf(condition: SQL): SQL {
  return sql`coalesce(sum(CASE WHEN ${condition} THEN 1 ELSE 0 END), 0)`;
}
