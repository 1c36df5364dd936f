import type { Dialect } from "../../../base/dialect.ts";
import { sqliteConversion } from "../../../schema/twins/conversion.ts";
import { conditionOn } from "./column_values.ts";
import { type Demand, demand, type DemandSources, type Trust } from "./demand.ts";
import { type OutOfRange, outOfRange } from "./out_of_range.ts";
import { unreadableAs } from "./unreadable_values.ts";
import type { Column } from "../../../schema/snapshot.ts";
import { isArray } from "../../../sql/postgres_spelling.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";

/** Returns what a table's columns demand, each of what is in it. */
export function ofColumns(subject: DemandSources): readonly Demand[] {
  const { table, found } = subject;
  return table.columns.flatMap((column) => {
    const old = found.columns.find(({ name }) => name === column.name);
    if (old === undefined) return [];
    const name = quoteName(column.name);
    const of = (kind: Demand["kind"], state: string, condition: string) =>
      demand({ kind, state, condition, columns: [column.name] }, subject);
    const length = lengthOf(column);
    const { unreadable, range } = subject.trust.types
      ? judges[subject.dialect](column, old)
      : { unreadable: null, range: null };
    return [
      ...column.notNull && !old.notNull ? [of("null", `have no ${column.name}`, `${name} IS NULL`)] : [],
      ...length === null || isShort(old, column, subject.trust) ? [] : [
        of(
          "too long",
          `have more than ${length} characters in ${column.name}`,
          conditionOn({ old, column }, (value) => `length(${value}) > ${length}`, "TEXT"),
        ),
      ],
      ...range === null
        ? []
        : [of("out of range", `have a ${column.name} beyond ${range.end}`, range.condition)],
      ...unreadable === null ? [] : [{
        ...of("unreadable", `have a ${column.name} that does not fit ${column.type}`, unreadable),
        from: old.type,
      }],
      ...ofValues(column, old).map((condition) =>
        of(
          "not allowed",
          `have a ${column.name} that is not allowed: ${column.type} has no such value`,
          condition,
        )
      ),
    ];
  });
}

/** Which values are none of a column's new type, nor become one. */
interface Unfit {
  readonly unreadable: string | null;
  readonly range: OutOfRange | null;
}

const judges: Readonly<Record<Dialect, (column: Column, old: Column) => Unfit>> = {
  sqlite: ({ name, type }, { type: from }) => ({
    unreadable: sqliteConversion(from, type, quoteName(name)).unfit,
    range: null,
  }),
  postgresql: (column, old) => ({ unreadable: unreadableAs(column, old), range: outOfRange(column, old) }),
};

/** Says which values of a column its enum type has not: those that it loses, or that a text has and it never had. */
function ofValues(column: Column, old: Column): readonly string[] {
  const { values } = column;
  const gone = old.values?.filter((value) => values?.includes(value) === false);
  if (values === undefined || gone?.length === 0 || (isArray(old.type) && !isArray(column.type))) return [];
  const isText = /^(?:text|character varying)\b/.test(old.type);
  if (gone === undefined && !isText) return [];
  const list = (gone ?? values).map(quoteText).join(", ");
  return [
    conditionOn(
      { old, column },
      (value) => `${value} ${gone === undefined ? "NOT " : ""}IN (${list})`,
      "text",
    ),
  ];
}

/** Whether a column's texts surely are no longer than its new type allows. */
function isShort(old: Column, column: Column, { lengths }: Trust): boolean {
  // What is written of a list is longer than what is in it.
  const own = isArray(old.type) !== isArray(column.type)
    ? null
    : /^uuid\b/.test(old.type)
    ? 36
    : lengthOf(old);
  const most = lengthOf(column) ?? Infinity;
  return lengths && own !== null && own <= most;
}

function lengthOf({ type }: Column): number | null {
  const length = /^(?:VARCHAR|CHAR|character(?: varying)?)\((\d+)\)(?:\[\])?$/.exec(type)?.[1];
  return length === undefined ? null : Number(length);
}
