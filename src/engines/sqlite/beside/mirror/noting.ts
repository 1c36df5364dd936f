import { quoteName } from "../../../../sql/quote.ts";
import { own } from "../../connection/statement.ts";
import type { BesideFile } from "../../database.ts";
import { notingNames } from "../../../../sql/own/triggers.ts";
import { asItIs, isSureOfNew, newValue, unsureNulls } from "../form/new_value.ts";
import { columnsNamed, type SourceColumn, type SourceTable, type UniqueKey } from "../form/source_table.ts";
import type { PacedRun } from "./paced.ts";

/** What the table is called that holds what was noted of the rows of another one. */
export const changesName = (id: number): string => `harbor_beside_${id}_changed`;

/** What is done for each row that changes, by when; left out or "": nothing. */
export type NotingBodies = { readonly [name in typeof notingNames[number]]?: string };

/** Returns the statements that make the triggers of a number on a table. */
export function makeNotingTriggers(
  id: number,
  { name: table }: { readonly name: string },
  bodies: NotingBodies,
): readonly string[] {
  return namesOf(bodies).map((name) => {
    const event = name.replace("_", " ").toUpperCase();
    const when = event.startsWith("BEFORE") ? event : `AFTER ${event}`;
    return `CREATE TRIGGER harbor_beside_${id}_${name} ${when} ON ${quoteName(table)} BEGIN ${
      bodies[name]
    } END`;
  });
}

/** Returns the statements that take these triggers away, each of which has to be there. */
export function dropNotingTriggers(id: number, bodies: NotingBodies): readonly string[] {
  return namesOf(bodies).map((name) => `DROP TRIGGER harbor_beside_${id}_${name}`);
}

/** Returns the statements that end the noting, whatever of it is there. */
export function stopNoting(id: number): readonly string[] {
  return [
    ...notingNames.map((name) => `DROP TRIGGER IF EXISTS harbor_beside_${id}_${name}`),
    `DROP TABLE IF EXISTS ${changesName(id)}`,
  ];
}

/** Goes through what is noted by now, a batch after the other: whoever goes on noting would be followed without an end. */
export async function walkNotes(
  { rows }: BesideFile,
  paced: PacedRun,
  { id, batch }: {
    readonly id: number;
    /** Is given the condition on the notes. */
    readonly batch: (range: string) => Promise<void>;
  },
): Promise<void> {
  const changes = changesName(id);
  const [end] = rows<{ last: number | bigint | null }>(own(`SELECT max(rowid) AS last FROM ${changes}`));
  if (end?.last == null) return;
  let from = "";
  await paced.repeat(async (size) => {
    const [next] = rows<{ last: number | bigint | null; rows: number }>(own(
      `SELECT max(r) AS last, count(*) AS rows FROM (SELECT rowid AS r FROM ${changes} WHERE ${from}rowid <= ${end.last} ORDER BY rowid LIMIT ${size})`,
    ));
    if (next?.last == null) return null;
    await batch(`${from}rowid <= ${next.last}`);
    from = `rowid > ${next.last} AND `;
    return next.rows;
  });
}

function namesOf(bodies: NotingBodies): readonly (typeof notingNames[number])[] {
  return notingNames.filter((name) => (bodies[name] ?? "") !== "");
}

/**
 * Returns conditions, each on rows that REPLACE may remove for a trigger's NEW, of which no other trigger tells unless recursive ones
 * are on. Where the statement does not remove them, they are noted for nothing.
 *
 * The innermost FROM gives a bare name its meaning: so the key's expressions stand for the row that is there and, in the
 * inner query, for NEW: as it is, and as it will be where a default comes in the place of a NULL. One condition with OR would find rows by
 * no index.
 */
export function pushedOut({ parts, where }: UniqueKey, source: SourceTable): readonly string[] {
  const key = parts.join(", ");
  // What is in no partial index has no key there, and to work one out may fail: that of a text which is no JSON.
  const isIn = where !== null && isSureOfNew(where, source) ? [where] : [];
  const columns = columnsNamed([key, ...isIn].join(", "), source.columns);
  const rows = [asItIs, (column: SourceColumn) => newValue(source, column)].map((valueOf) =>
    columns.map((column) => `${valueOf(column)} AS ${quoteName(column.name)}`).join(", ")
  );
  // A condition may have the table's name before a column's.
  const only = isIn.map((condition) => ` AS ${quoteName(source.name)} WHERE (${condition}\n)`).join("");
  const found = [...new Set(rows)].map((values) =>
    `(${key}) = (SELECT ${key} FROM (SELECT ${values})${only})`
  );
  const unsure = unsureNulls([...parts, ...isIn], source).map((column) => `NEW.${quoteName(column)} IS NULL`);
  const all = unsure.length === 0 ? [] : [`(${unsure.join(" OR ")})`];
  // The line break ends a comment that the condition may end with.
  return [...found, ...all].map((each) => where === null ? each : `${each} AND (${where}\n)`);
}
