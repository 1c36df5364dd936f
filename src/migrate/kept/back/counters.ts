import type { SQL } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { userStatement } from "../../../engines/statement_names.ts";
import { storedColumns } from "../rules/keys.ts";
import { words } from "../side/words.ts";
import type { Subject } from "./subject.ts";

/** Returns the sequence that a default takes values from, as it is written there. */
function sequenceOf(value: string | null): string | null {
  return /^nextval\(('(?:[^']|'')+')::regclass\)$/.exec(value ?? "")?.[1] ?? null;
}

/** Returns what moves the counters of columns that came back behind their values. */
export function countersOf(dialect: Dialect, { kept, table }: Subject): readonly SQL[] {
  return storedColumns(table).filter(({ name, identity, default: value }) =>
    (identity || sequenceOf(value) !== null) && kept.columns.some((each) => each.name === name)
  ).flatMap(({ name, default: value }) => {
    const sequence = sequenceOf(value);
    const statement = words[dialect].advance(table.name, name, sequence);
    return statement === null ? [] : [sequence === null ? statement : userStatement(statement)];
  });
}
