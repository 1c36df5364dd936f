import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { becameColumn } from "../../../engines/kept_table.ts";
import { ownTable, userStatement } from "../../../engines/statement_names.ts";
import { all, any, list, words } from "../side/words.ts";
import { countersOf } from "./counters.ts";
import {
  aside,
  hasParent,
  knownBy,
  matchOf,
  own,
  placesIn,
  type Subject,
  type Undoing,
  valueOf,
  type Way,
} from "./subject.ts";

const id = sql.identifier;

/** Returns how values come back on rows that are there. */
export function returnOfValues(dialect: Dialect, subject: Subject): Way {
  const { isGiven, isSame, isStill, isMade, back } = words[dialect];
  const { kept, table } = subject;
  const match = matchOf(dialect, subject);
  const { follow } = placesIn(dialect, subject) ?? { follow: (update: SQL) => update };
  const parts = kept.columns.flatMap(({ name, given }, place) => {
    const column = table.columns.find((each) => each.name === name);
    if (column === undefined) return [];
    const isUntouched = kept.kind === "changed"
      ? sql`(${isStill(own(name), aside(becameColumn(place)))} OR ${
        isMade(own(name), aside(becameColumn(place)), column)
      } OR ${isMadeBack(dialect, subject, { name, became: aside(becameColumn(place)) })})`
      : given === null
      // What the script gave is not known; an older value must not take a newer one's place.
      ? subject.isLatest ? sql`TRUE` : sql`FALSE`
      : isGiven(own(name), given);
    const fits = table.foreignKeys.filter((key) => key.columns.includes(name)).map((key) =>
      hasParent(dialect, key, subject)
    );
    const condition = all([isUntouched, ...fits]);
    const isOvertaken = sql`(NOT ${isUntouched} AND NOT ${isSame(own(name), aside(name))})`;
    return [{ name, condition, fits, isOvertaken, value: back(aside(name), column) }];
  });
  const exists = (condition: SQL) =>
    sql`EXISTS (SELECT 1 FROM ${ownTable(table.name)} AS t WHERE ${match} AND ${condition})`;
  return {
    put: (range) =>
      parts.length === 0 ? [] : [
        userStatement(follow(
          sql`UPDATE ${ownTable(table.name)} AS t SET ${
            list(
              parts.map(({ name, condition, value }) =>
                sql`${id(name)} = CASE WHEN ${condition} THEN ${value} ELSE ${own(name)} END`
              ),
            )
          } FROM ${ownTable(kept.sideTable)} AS k WHERE ${range} AND ${match} AND ${
            any(parts.map(({ condition }) => sql`(${condition})`))
          }`,
        )),
        ...noteReturned(dialect, subject, sql`${range} AND ${match}`),
      ],
    isOvertaken: exists(any(parts.map(({ isOvertaken }) => isOvertaken))),
    isDangling: exists(sql`NOT (${all(parts.flatMap(({ fits }) => fits))})`),
    isBack: exists(all(parts.map(({ name }) => isSame(own(name), aside(name))))),
    closing: countersOf(dialect, subject),
    // Rows of a table without a key may be elsewhere by the time that they are looked for.
    isRepeated: placesIn(dialect, subject) !== null,
  };
}

/**
 * Notes beside what the way back put aside what its rows hold now, which is what the next way there finds: not what the way
 * back made of it, in whose place the kept value came.
 */
function noteReturned(dialect: Dialect, subject: Subject, isReturned: SQL): readonly SQL[] {
  const { kept, table, undoing } = subject;
  const { isSame, became } = words[dialect];
  return undoing.flatMap((other) =>
    other.now.columns.flatMap(({ name }, place) => {
      if (!kept.columns.some((each) => each.name === name)) return [];
      if (!table.columns.some((column) => column.name === name)) return [];
      return [
        sql`UPDATE ${ownTable(other.noted.sideTable)} AS o SET ${id(becameColumn(place))} = ${
          became(own(name), null)
        } FROM ${ownTable(table.name)} AS t, ${ownTable(kept.sideTable)} AS k WHERE ${isReturned} AND ${
          isSame(own(name), aside(name))
        } AND ${isOther(dialect, subject, other)}`,
      ];
    })
  );
}

/**
 * Whether a value is what the way back made of the result of a conversion: what stood there before the way back was that
 * result, and what it left stands there still.
 */
function isMadeBack(
  dialect: Dialect,
  subject: Subject,
  { name, became }: { readonly name: string; readonly became: SQL },
): SQL {
  const { isStill } = words[dialect];
  return any(subject.undoing.flatMap((other) => {
    const place = other.now.columns.findIndex((each) => each.name === name);
    if (place < 0) return [];
    return [
      sql`EXISTS (SELECT 1 FROM ${ownTable(other.noted.sideTable)} AS o WHERE ${
        isOther(dialect, subject, other)
      } AND ${isStill(valueOf("o", other.noted.columns[place]!.name), became)} AND ${
        isStill(own(name), valueOf("o", becameColumn(place)))
      })`,
    ];
  }));
}

/** Whether `o`, a row of what the way back put aside, is of the row `t`. */
function isOther(dialect: Dialect, subject: Subject, { noted, now }: Undoing): SQL {
  const { isKey, bare } = words[dialect];
  return all(
    knownBy(subject).map((column) => {
      const key = noted.keys[now.keys.indexOf(column.name)]!;
      return isKey(valueOf("o", key), bare(own(column.name)), column);
    }),
  );
}
