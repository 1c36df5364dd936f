import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import { isSameName } from "../../base/fold_name.ts";
import type { Database } from "../../engines/database.ts";
import { becameColumn, type Kept, keptRow, withCount } from "../../engines/kept_table.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
import type { Column, ForeignKey, Snapshot, Table } from "../../schema/snapshot.ts";
import { storedColumns } from "./rules/keys.ts";
import { type Places, placesOf } from "./places.ts";
import { all, any, hasNoNull, list, words } from "./words.ts";

/** How kept data comes back into its table. */
export interface Return {
  /** Runs before the first of them, each time that they are gone through. */
  readonly opening: readonly SQL[];
  /** Returns the statements that put back the rows behind one number up to another, and forget what fitted. */
  readonly change: (after: number, upTo: number) => readonly SQL[];
  /** Runs when all rows were looked at. */
  readonly closing: readonly SQL[];
  /** Whether more may come back when the rest is tried again: rows refer to others that come back as well, perhaps later. */
  readonly isRepeated: boolean;
  /** Takes away what that made, when nothing is asked any more. */
  readonly ending: readonly SQL[];
  /** Counts what stays kept, by why: `newer`, `dangling`, `homeless` and `nameless`. */
  readonly remainder: SQL;
}

/** Kept data and the table that it was in. */
export interface Subject {
  readonly kept: Kept;
  /** As it is now. */
  readonly table: Table;
  readonly live: Snapshot;
  /** Whether nothing newer is kept of the same step and table. */
  readonly isLatest: boolean;
  /** The tables whose rows come back as well. */
  readonly returning: ReadonlySet<string>;
  /** What the step that undid this one noted of the same table: the values before it, and what it made of them. */
  readonly undoing: readonly Undoing[];
  /** What rows of a whole table get in columns that it did not have, as SQL literals. */
  readonly gives: ReadonlyMap<string, string>;
  /** The columns of its side table. */
  readonly noted: readonly string[];
}

/** What the step that undid another put aside. */
export interface Undoing {
  /** As its side table calls it. */
  readonly noted: Kept;
  /** As that step left it: the same keys and columns, in the same order, under other names where it gave some. */
  readonly now: Kept;
}

const id = sql.identifier;
const valueOf = (row: string, name: string) => sql`${sql.raw(row)}.${id(name)}`;
const own = (name: string) => valueOf("t", name);
const aside = (name: string) => valueOf("k", name);

/** Returns how one table's kept data comes back. */
export function returnOf(dialect: Dialect, subject: Subject): Return {
  const { kept, table, live } = subject;
  const { pauseTrigger } = words[dialect];
  const triggers = live.others.filter((other) => other.kind === "trigger" && other.table === table.name)
    .map((trigger) => pauseTrigger(trigger, table.name));
  const way = kept.kind === "table" ? insertion(dialect, subject) : update(dialect, subject);
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
        ...triggers.flatMap(({ before }) => before),
        ...way.put(range),
        ...triggers.flatMap(({ after }) => after),
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

/** Whether all values of a row of the side table have a column: what has no place stays kept. */
function hasPlaceIn({ kept, table }: Subject): SQL {
  const isThere = (name: string) => table.columns.some((column) => column.name === name);
  return all(
    kept.columns.filter(({ name }) => !isThere(name)).map(({ name }) => sql`${aside(name)} IS NULL`),
  );
}

function countIf(condition: SQL): SQL {
  return sql`coalesce(sum(CASE WHEN ${condition} THEN 1 ELSE 0 END), 0)`;
}

interface Way extends Pick<Return, "closing" | "isRepeated"> {
  readonly put: (range: SQL) => readonly SQL[];
  /** Whether a row of the side table is in the table again. */
  readonly isBack: SQL;
  /** Whether the row in the table has something newer than one of the side table. */
  readonly isOvertaken: SQL;
  /** Whether a row of the side table refers to one that is not there. */
  readonly isDangling: SQL;
}

/** Returns by which columns of the table its rows are told apart. */
function knownBy({ kept, table, live, noted }: Subject): readonly Column[] {
  const isKept = (name: string) => kept.columns.some((column) => column.name === name);
  const isNoted = (name: string) => noted.some((each) => isSameName(live.dialect, each, name));
  return storedColumns(table).filter(({ name }) =>
    kept.keys.length > 0
      ? kept.keys.includes(name)
      : kept.kind === "table" || (!isKept(name) && isNoted(name))
  );
}

/** Whether `t`, a row of the table, is the one of which `k` was kept: the only one that there can be. */
export function matchOf(dialect: Dialect, subject: Subject): SQL {
  const { isKey } = words[dialect];
  const same = (a: string, b: string) =>
    all(knownBy(subject).map((column) => isKey(valueOf(a, column.name), valueOf(b, column.name), column)));
  const match = same("t", "k");
  // By a part of its key a row is not known.
  if (knownBy(subject).length < subject.kept.keys.length) return sql`FALSE`;
  return placesIn(dialect, subject)?.match ?? all([match, ...namesOne(subject)]);
}

/** Says that there is no NULL in the key of `k`, with which there may be more rows. Whole rows are told apart by all of theirs. */
function namesOne(subject: Subject): readonly SQL[] {
  return subject.kept.kind === "table" ? [] : hasNoNull(knownBy(subject), "k");
}

/** Whether there is a NULL in the key of `k`, of which more than the key would have to be kept to know its row again. */
function isNameless(subject: Subject): SQL {
  return subject.kept.keys.length === 0 ? sql`FALSE` : sql`NOT (${all(namesOne(subject))})`;
}

/** Without a key only a row that is like no other is known. */
function placesIn(dialect: Dialect, subject: Subject): Places | null {
  const { kept, table } = subject;
  if (kept.keys.length > 0 || kept.kind === "table") return null;
  return placesOf(dialect, { kept, table, known: knownBy(subject) });
}

function update(dialect: Dialect, subject: Subject): Way {
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

/** Returns what makes rows of a side table found by their keys. */
export function keyIndexOf({ sideTable, keys }: Kept): readonly SQL[] {
  return [
    sql`CREATE INDEX IF NOT EXISTS ${id(`${sideTable}_keys`)} ON ${ownTable(sideTable)} (${
      list(keys.map(id))
    })`,
  ];
}

/** Whether the row that a kept value refers to is there. */
function hasParent(dialect: Dialect, key: ForeignKey, { kept, table, live }: Subject): SQL {
  const isKept = (name: string) => kept.columns.some((column) => column.name === name);
  const value = (name: string) => isKept(name) ? aside(name) : own(name);
  const parent = live.tables.find(({ name }) => name === key.table);
  if (parent === undefined) return sql`TRUE`;
  const { back } = words[dialect];
  const columnOf = (name: string) => table.columns.find((column) => column.name === name)!;
  const pairs = key.columns.map((name, place) =>
    sql`p.${id(key.references[place]!)} = ${isKept(name) ? back(value(name), columnOf(name)) : value(name)}`
  );
  return sql`(${any(key.columns.map((name) => sql`${value(name)} IS NULL`))} OR EXISTS (SELECT 1 FROM ${
    ownTable(parent.name)
  } AS p WHERE ${all(pairs)}))`;
}

function insertion(dialect: Dialect, subject: Subject): Way {
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

/** Returns the sequence that a default takes values from, as it is written there. */
function sequenceOf(value: string | null): string | null {
  return /^nextval\(('(?:[^']|'')+')::regclass\)$/.exec(value ?? "")?.[1] ?? null;
}

/** Returns what moves the counters of columns that came back behind their values. */
function countersOf(dialect: Dialect, { kept, table }: Subject): readonly SQL[] {
  return storedColumns(table).filter(({ name, identity, default: value }) =>
    (identity || sequenceOf(value) !== null) && kept.columns.some((each) => each.name === name)
  ).flatMap(({ name, default: value }) => {
    const sequence = sequenceOf(value);
    const statement = words[dialect].advance(table.name, name, sequence);
    return statement === null ? [] : [sequence === null ? statement : userStatement(statement)];
  });
}

/** Returns the expressions that count what is in a side table. */
export function countsOf(dialect: Dialect, { sideTable, keys, columns }: Kept) {
  return {
    rows: sql`(SELECT count(*) FROM ${ownTable(sideTable)})`,
    bytes: words[dialect].bytes(sideTable, [...keys, ...columns.map(({ name }) => name)]),
  };
}

/** Returns the names of the columns of a side table, or of one that was handed over. */
export async function columnsOf(database: Database, table: string): Promise<readonly string[]> {
  const [row] = await database.read<Readonly<Record<string, unknown>>>(
    // A row also of an empty one.
    sql`SELECT k.* FROM (SELECT 1) AS one LEFT JOIN ${ownTable(table)} AS k ON TRUE LIMIT 1`,
  );
  return Object.keys(row!);
}

/** Counts the rows of a side table. */
export async function countOf(database: Database, { sideTable }: Kept): Promise<number> {
  const [found] = await database.read<{ readonly size: number | bigint | string }>(
    sql`SELECT count(*) AS size FROM ${ownTable(sideTable)}`,
  );
  return Number(found!.size);
}
