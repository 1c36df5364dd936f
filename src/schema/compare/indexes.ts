import type { Index, IndexComparing } from "../snapshot.ts";
import { quoteName } from "../../sql/quote.ts";
import { printNames } from "./names.ts";
import { isWhole, type Pair } from "./pair.ts";
import { respell, type SameExpression } from "./respell.ts";

/** Writes an index as CREATE INDEX has it behind its name and ON, with UNIQUE in front. */
export function printIndex(table: string, index: Index): string {
  const { columns, unique, where, valid, method } = index;
  const elements = columns.map((column, place) => printElement(column, index.comparing?.[place] ?? {}));
  return `${unique ? "UNIQUE " : ""}${table}${method === undefined ? "" : ` USING ${method} `}${
    printNames(elements)
  }${where === null ? "" : ` WHERE ${where}`}${valid ? "" : " INVALID"}`;
}

/** Returns two indexes, the live one spelled like the other where both are the same. */
export function respellIndex(indexes: Pair<Index>, same: SameExpression): Pair<Index> {
  if (!isWhole(indexes)) return indexes;
  const [expected, actual] = indexes;
  const columns = actual.columns.map((column, place) =>
    respell(expected.columns[place] ?? column, column, same)
  );
  const { comparing: wanted, ...bare } = expected;
  const isAlike = comparesAlike(expected, actual);
  return [
    isAlike ? bare : { ...bare, ...wanted === undefined ? {} : { comparing: wanted } },
    {
      ...actual,
      columns,
      where: respell(expected.where, actual.where, same),
      ...isAlike ? { comparing: [] } : {},
    },
  ];
}

/** Says whether a live index compares the values of its columns as a snapshot's does. */
export function comparesAlike(expected: Index, actual: Index): boolean {
  return actual.columns.every((_, place) => {
    const [wanted, found] = [expected.comparing?.[place] ?? {}, actual.comparing?.[place] ?? {}];
    return wanted.collation === found.collation && hasClass(wanted.operatorClass, found);
  });
}

/** Whether an index has the class that is named, or without one the usual. */
function hasClass(wanted: string | undefined, { operatorClass, usualClass }: IndexComparing): boolean {
  if (wanted === operatorClass || (wanted !== undefined && wanted === usualClass)) return true;
  // Of a B-tree's classes all others are the rule for their types.
  return wanted !== undefined && operatorClass === undefined && usualClass === undefined &&
    !/_pattern_ops$|^record_image_ops$/.test(wanted);
}

function printElement(column: string, { collation, operatorClass }: IndexComparing): string {
  const [, element = column, order = ""] = /^(.*?)((?: DESC)?(?: NULLS (?:FIRST|LAST))?)$/s.exec(column) ??
    [];
  return `${element}${collation === undefined ? "" : ` COLLATE ${quoteName(collation)}`}${
    operatorClass === undefined ? "" : ` ${operatorClass}`
  }${order}`;
}
