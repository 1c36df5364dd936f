import type { Dialect } from "../../../base/dialect.ts";
import { sqliteConversion } from "../../../schema/twins/conversion.ts";
import { conditionOn } from "./column_values.ts";
import { type Demand, demand, type DemandSources, type Trust } from "./demand.ts";
import { conversion } from "./conversion.ts";
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
    const unfit = subject.trust.types ? judges[subject.dialect](column, old) : null;
    return [
      ...column.notNull && !old.notNull ? [of("null", `have no ${column.name}`, `${name} IS NULL`)] : [],
      ...length === null || isShort(old, column, subject.trust) ? [] : [
        of(
          "too long",
          `have more than ${length} characters in ${column.name}`,
          conditionOn({ old, column }, (value) => `length(${value}) > ${length}`, "TEXT"),
        ),
      ],
      ...unfit === null ? [] : [
        demand({
          kind: "unreadable",
          state: `have a ${column.name} that does not fit ${column.type}`,
          columns: [column.name],
          hasExpression: "value" in unfit,
          ...unfit,
        }, subject),
      ],
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

/** Which values are none of a column's new type, nor become one: a condition on them, or what becomes of all. */
type Unfit = { readonly condition: string } | { readonly value: string };

const judges: Readonly<Record<Dialect, (column: Column, old: Column) => Unfit | null>> = {
  sqlite: ({ name, type }, { type: from }) => {
    const { unfit } = sqliteConversion(from, type, quoteName(name));
    return unfit === null ? null : { condition: unfit };
  },
  postgresql: (column, old) => {
    const value = conversion(column, old);
    return value === null ? null : { value };
  },
};

/** Says which values of a column its enum type has not: those that it loses, or that a text has and it never had. */
function ofValues(column: Column, old: Column): readonly string[] {
  const { values } = column;
  const gone = old.values?.filter((value) => values?.includes(value) === false);
  if (values === undefined || gone?.length === 0 || (isArray(old.type) && !isArray(column.type))) return [];
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
