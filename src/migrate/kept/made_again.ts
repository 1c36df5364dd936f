import { type SQL, sql } from "drizzle-orm";
import { becameColumn, type Kept, keptRow, readKept, withCount } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Column } from "../../schema/snapshot.ts";
import type { Step } from "../rules/plan.ts";
import { columnsOf } from "./side/contents.ts";
import { isUndoneBy } from "../../state/rules/due.ts";
import { isAnyMade, isMadeAndFilled } from "./rules/made_and_filled.ts";
import { withSideTables } from "./side_tables.ts";
import { all, list, sameness, words } from "./side/words.ts";

const id = sql.identifier;

/**
 * Returns what goes behind statements of a step that make a table again of which rows are kept, and fill it: it notes what they made
 * of the same rows, before anybody else writes there. What is noted gives way to what is kept.
 */
export async function noteMadeAgain(
  { database, history, notify }: RunContext,
  { revision, direction }: Step,
  statements: readonly string[],
): Promise<readonly SQL[]> {
  const { dialect } = database;
  if (!isAnyMade(statements, dialect)) return [];
  const undone = { history, revision: revision.id, direction };
  const meant = (await readKept(database)).filter((each) =>
    each.kind === "table" && isUndoneBy(each, undone) && isMadeAndFilled(statements, each, dialect)
  );
  const kept = await withSideTables(database, meant);
  const notes: SQL[] = [];
  for (const each of kept) {
    notify({
      kind: "note",
      text:
        `the script fills ${each.table} itself: what is kept of its rows goes before that; others that it makes stay, also of rows that were deleted`,
    });
    notes.push(
      ...each.keys.length === 0
        ? withCount(each, sql`TRUE`, [forgetTwins[dialect](each)])
        : noteRows(each, words[dialect], await columnsOf(database, each.sideTable)),
    );
  }
  return notes;
}

/** Notes in each row of the side table what the script made of the row with the same key. */
function noteRows(
  { sideTable, table, keys, columns }: Kept,
  own: typeof words[keyof typeof words],
  there: readonly string[],
): readonly SQL[] {
  const side = ownTable(sideTable);
  const names = columns.map((_, place) => becameColumn(place));
  const known = columns.filter(({ name }) => keys.includes(name)).map(({ name, type }): Column => ({
    name,
    type,
    notNull: false,
    default: null,
    identity: false,
  }));
  const match = [
    ...own.isLikely(known, (name) => name),
    ...known.map((column) => own.isKey(sql`t.${id(column.name)}`, sql`k.${id(column.name)}`, column)),
  ];
  return [
    ...names.filter((name) => !there.includes(name)).map((name) =>
      sql`ALTER TABLE ${side} ADD COLUMN ${id(name)}${own.noteType}`
    ),
    ...names.some((name) => there.includes(name))
      ? [sql`UPDATE ${side} SET ${list(names.map((name) => sql`${id(name)} = NULL`))}`]
      : [],
    sql`UPDATE ${side} AS k SET ${
      list(
        columns.map(({ name }, place) => sql`${id(names[place]!)} = ${own.became(sql`t.${id(name)}`, null)}`),
      )
    } FROM ${ownTable(table)} AS t WHERE ${all(match)}`,
  ];
}

/** Of a table without a key: forgets a row for each one like it that the script made. */
const forgetTwins: Readonly<Record<RunContext["database"]["dialect"], (kept: Kept) => SQL>> = {
  sqlite: ({ sideTable, table, columns }) => {
    const names = columns.map(({ name }) => id(name));
    const exact = names.map((name) => sql`${name} COLLATE BINARY`);
    return forget(sideTable, {
      kept: sql`SELECT ${
        list([id(keptRow), ...names, sql`row_number() OVER (PARTITION BY ${list(exact)}) AS harbor_nth`])
      } FROM ${ownTable(sideTable)}`,
      made: sql`SELECT ${list([...names, sql`count(*) AS harbor_size`])} FROM ${ownTable(table)} GROUP BY ${
        list(exact)
      }`,
      isSame: all(names.map((name) => sql`k.${name} IS t.${name} COLLATE BINARY`)),
    });
  },
  postgresql: ({ sideTable, table, columns }) => {
    const same = sql`${sameness("s", columns.map(({ name }) => name))} AS same`;
    return forget(sideTable, {
      kept: sql`SELECT ${
        id(keptRow)
      }, same, row_number() OVER (PARTITION BY same) AS harbor_nth FROM (SELECT s.${
        id(keptRow)
      }, ${same} FROM ${ownTable(sideTable)} AS s) AS r`,
      made: sql`SELECT same, count(*) AS harbor_size FROM (SELECT ${same} FROM ${
        ownTable(table)
      } AS s) AS r GROUP BY same`,
      isSame: sql`k.same = t.same`,
    });
  },
};

function forget(
  sideTable: string,
  { kept, made, isSame }: { readonly kept: SQL; readonly made: SQL; readonly isSame: SQL },
): SQL {
  const row = id(keptRow);
  return sql`DELETE FROM ${
    ownTable(sideTable)
  } WHERE ${row} IN (SELECT k.${row} FROM (${kept}) AS k JOIN (${made}) AS t ON ${isSame} AND k.harbor_nth <= t.harbor_size)`;
}
