import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { becameColumn } from "../../../engines/kept_table.ts";
import { ownTable, userStatement } from "../../../engines/statement_names.ts";
import type { Column } from "../../../schema/snapshot.ts";
import { storedColumns } from "../rules/keys.ts";
import { all, any, list, words } from "../side/words.ts";
import { countersOf } from "./counters.ts";
import { aside, hasParent, hasPlaceIn, knownBy, matchOf, own, type Subject, type Way } from "./subject.ts";

const id = sql.identifier;

/** Returns how whole rows come back into a table. */
export function returnOfRows(dialect: Dialect, subject: Subject): Way {
  const { isSame, isStill, back, overriding } = words[dialect];
  const { kept, table, returning } = subject;
  const others = storedColumns(table).filter(({ name }) => subject.gives.has(name));
  const columns = storedColumns(table).filter(({ name }) => kept.columns.some((each) => each.name === name));
  const match = matchOf(dialect, subject);
  const hasKey = kept.keys.length > 0;
  const isThere = (condition: SQL) =>
    sql`EXISTS (SELECT 1 FROM ${ownTable(table.name)} AS t WHERE ${condition})`;
  // Of rows without a key nobody could tell afterwards which ones these left out.
  const parents = (hasKey ? table.foreignKeys : []).map((key) => ({
    isThere: hasParent(dialect, key, subject),
    // Rows that refer to each other come first without that, and get it when both are there.
    later: returning.has(key.table)
      ? columns.filter(({ name, notNull }) =>
        key.columns.includes(name) && !notNull && !kept.keys.includes(name)
      )
      : [],
  }));
  const needed = parents.filter(({ later }) => later.length === 0).map(({ isThere }) => isThere);
  const parentsOf = (column: Column) =>
    parents.filter(({ later }) => later.includes(column)).map(({ isThere }) => isThere);
  const late = columns.filter((column) => parentsOf(column).length > 0);
  const valueOf = (column: Column) => {
    const value = back(aside(column.name), column);
    return late.includes(column) ? sql`CASE WHEN ${all(parentsOf(column))} THEN ${value} END` : value;
  };
  const isKnown = knownBy(subject).length >= kept.keys.length;
  const fits = all([hasKey ? sql`NOT ${isThere(match)}` : hasPlaceIn(subject), ...needed]);
  const isSameOf = ({ name }: Column) => isSame(own(name), aside(name));
  const isOurs = all(columns.filter((column) => !late.includes(column)).map(isSameOf));
  // What the script itself made of the row in its own transaction, where nobody wrote since, gives way.
  const isMadeAgain = subject.noted.includes(becameColumn(0))
    ? all([
      sql`${aside(becameColumn(kept.columns.findIndex(({ name }) => kept.keys.includes(name))))} IS NOT NULL`,
      ...columns.map(({ name }) =>
        isStill(own(name), aside(becameColumn(kept.columns.findIndex((each) => each.name === name))))
      ),
    ])
    : sql`FALSE`;
  const inRow = columns.filter(({ name }) => !kept.keys.includes(name));
  const replace = (range: SQL) =>
    userStatement(
      sql`UPDATE ${ownTable(table.name)} AS t SET ${
        list(inRow.map((column) => sql`${id(column.name)} = ${valueOf(column)}`))
      } FROM ${ownTable(kept.sideTable)} AS k WHERE ${range} AND ${match} AND ${
        // What is like it already needs no writing.
        all([any(inRow.map((column) => sql`NOT ${isSameOf(column)}`)), isMadeAgain, ...needed])}`,
    );
  const isDue = (column: Column) =>
    sql`(${own(column.name)} IS NULL AND ${aside(column.name)} IS NOT NULL AND ${all(parentsOf(column))})`;
  const fill = (range: SQL) =>
    userStatement(
      sql`UPDATE ${ownTable(table.name)} AS t SET ${
        list(
          late.map((column) =>
            sql`${id(column.name)} = CASE WHEN ${isDue(column)} THEN ${
              back(aside(column.name), column)
            } ELSE ${own(column.name)} END`
          ),
        )
      } FROM ${ownTable(kept.sideTable)} AS k WHERE ${range} AND ${match} AND ${isOurs} AND ${
        any(late.map(isDue))
      }`,
    );
  return {
    put: (range) =>
      !isKnown ? [] : [
        userStatement(
          sql`INSERT INTO ${ownTable(table.name)} (${
            list([...columns, ...others].map(({ name }) => id(name)))
          })${overriding} SELECT ${
            list([...columns.map(valueOf), ...others.map(({ name }) => sql.raw(subject.gives.get(name)!))])
          } FROM ${ownTable(kept.sideTable)} AS k WHERE ${range} AND ${fits}`,
        ),
        ...subject.noted.includes(becameColumn(0)) && inRow.length > 0 ? [replace(range)] : [],
        ...late.length > 0 ? [fill(range)] : [],
      ],
    // Rows without a key are not told apart: each one that fits is put in.
    isBack: hasKey ? isThere(all([match, ...columns.map(isSameOf)])) : sql`TRUE`,
    isOvertaken: hasKey
      ? isThere(
        sql`${match} AND NOT (${isMadeAgain}) AND ${
          any(
            columns.map((column) =>
              late.includes(column)
                ? sql`(${own(column.name)} IS NOT NULL AND NOT ${isSameOf(column)})`
                : sql`NOT ${isSameOf(column)}`
            ),
          )
        }`,
      )
      : sql`FALSE`,
    isDangling: sql`NOT (${all(parents.map(({ isThere }) => isThere))})`,
    closing: countersOf(dialect, subject),
    isRepeated: table.foreignKeys.some((key) => returning.has(key.table)),
  };
}
