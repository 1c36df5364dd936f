import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { type Kept, keptRow, placesName } from "../../../engines/kept_table.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import type { Column, Table } from "../../../schema/snapshot.ts";
import { freeRowIdWord } from "../../../sql/row_id.ts";
import { all, list, sameness, words } from "../side/words.ts";

/**
 * Where the rows of a table without a key are that a side table has values of: each row of either by all columns that both have, if
 * neither has two like it. It is found out for all of them at once, since asking for each would read the whole table each time.
 */
export interface Places {
  /** What makes the table that has them. */
  readonly make: readonly SQL[];
  readonly drop: readonly SQL[];
  /** Whether a row `t` of the table is the one of a row `k` of the side table. */
  readonly match: SQL;
  /** Returns a statement that updates rows `t` by rows `k`, so that it notes where they are then. */
  readonly follow: (update: SQL) => SQL;
}

const id = sql.identifier;
const row = id(keptRow);

/** Returns the places of a table's rows, which are known by these columns of theirs. */
export function placesOf(
  dialect: Dialect,
  { kept, table, known }: {
    readonly kept: Kept;
    readonly table: Table;
    readonly known: readonly Column[];
  },
): Places {
  const own = placeWords[dialect];
  const places = ownTable(placesName(kept));
  const drop = [sql`DROP TABLE IF EXISTS ${places}`];
  const place = own.place(table.columns);
  if (place === null) return { make: [], drop: [], match: sql`FALSE`, follow: (update) => update };
  // It may have been written since.
  const isStill = known.map((column) =>
    words[dialect].isKey(sql`t.${id(column.name)}`, sql`k.${id(column.name)}`, column)
  );
  return {
    make: [
      ...drop,
      ...own.make({ places, side: ownTable(kept.sideTable), table: ownTable(table.name), place, known }),
    ],
    drop,
    match: all([
      sql`t.${place} = (SELECT p.place FROM ${places} AS p WHERE p.${row} = k.${row})`,
      ...isStill,
    ]),
    follow: (update) => own.follow(update, places),
  };
}

interface Pairing {
  readonly places: SQL;
  readonly side: SQL;
  readonly table: SQL;
  /** See {@link PlaceWords.place}. */
  readonly place: SQL;
  readonly known: readonly Column[];
}

interface PlaceWords {
  /** What tells where a row of a table with these columns is; `null` where nothing does. */
  readonly place: (columns: readonly Column[]) => SQL | null;
  readonly make: (pairing: Pairing) => readonly SQL[];
  readonly follow: (update: SQL, places: SQL) => SQL;
}

const placeWords: Readonly<Record<Dialect, PlaceWords>> = {
  sqlite: {
    place: (columns) => {
      const free = freeRowIdWord(columns);
      return free === null ? null : sql.raw(free);
    },
    make: ({ places, side, table, place, known }) => {
      // Columns may be called like ours.
      const values = known.map(({ name }) => sql`s.${id(name)}`);
      const called = (at: number) => id(`value_${at}`);
      const single = (of: SQL, place: SQL) =>
        sql`SELECT ${
          list([
            sql`min(s.${place}) AS place`,
            sql`count(*) AS size`,
            ...values.map((value, at) => sql`${value} AS ${called(at)}`),
          ])
        } FROM ${of} AS s${values.length === 0 ? sql`` : sql` GROUP BY ${list(values)}`}`;
      const isSame = all([
        sql`k.size = 1 AND t.size = 1`,
        ...values.map((_, at) => sql`t.${called(at)} IS k.${called(at)}`),
      ]);
      return [
        sql`CREATE TABLE ${places} (${row} INTEGER PRIMARY KEY, place INTEGER NOT NULL)`,
        sql`INSERT INTO ${places} (${row}, place) SELECT k.place, t.place FROM (${
          single(side, sql`${row}`)
        }) AS k JOIN (${single(table, place)}) AS t ON ${isSame}`,
      ];
    },
    // A row stays where it is.
    follow: (update) => update,
  },
  postgresql: {
    place: () => sql.raw("ctid"),
    make: ({ places, side, table, place, known }) => {
      // Both in one heap: of a join the server would not know how many rows come to it.
      const rows = (of: SQL, what: readonly SQL[]) =>
        sql`SELECT ${
          list([sql`${sameness("s", known.map(({ name }) => name))} AS same`, ...what])
        } FROM ${of} AS s`;
      return [
        sql`CREATE TABLE ${places} AS SELECT max(${row}) AS ${row}, (array_agg(place) FILTER (WHERE place IS NOT NULL))[1] AS place FROM (${
          rows(side, [sql`s.${row}`, sql`CAST(NULL AS tid) AS place`])
        } UNION ALL ${
          rows(table, [sql`NULL`, sql`s.${place}`])
        }) AS r GROUP BY same HAVING count(${row}) = 1 AND count(place) = 1`,
        sql`ALTER TABLE ${places} ADD PRIMARY KEY (${row})`,
      ];
    },
    follow: (update, places) =>
      sql`WITH moved AS (${update} RETURNING k.${row} AS "row", t.ctid AS place) UPDATE ${places} AS p SET place = moved.place FROM moved WHERE p.${row} = moved."row"`,
  },
};
