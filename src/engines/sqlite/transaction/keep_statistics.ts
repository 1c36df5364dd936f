import { foldName } from "../../../base/fold_name.ts";
import { quoteText } from "../../../sql/quote.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { type SqliteStatement, verbOf } from "../connection/statement.ts";
import { added, type Dependent, type PlacedStatement } from "./table_rebuild.ts";

/** The tables in which ANALYZE keeps what it found: each row is of a table, `tbl`, and mostly of an index, `idx`. */
const statisticsTables = ["sqlite_stat1", "sqlite_stat4"];

/** Before the name of the table in a row that waits for its successor. No table of a user's begins so. */
const mark = "harbor_kept ";

/** Whether a batch takes statistics away: SQLite drops them with a table or an index, and forgets whose they are when a table is renamed. */
export function losesStatistics(statements: readonly SqliteStatement[]): boolean {
  return statements.some(({ text }) =>
    verbOf(text) === "DROP" || (verbOf(text) === "ALTER" && /\brename\b/i.test(text))
  );
}

/**
 * Adds to a batch what lets the planner's statistics outlive it: they wait under another name, and at the end become those
 * of the table and the index that have the old names and the same columns. What the batch itself found out holds.
 */
export function keepStatistics(
  statements: readonly PlacedStatement[],
  dependents: readonly Dependent[],
): readonly PlacedStatement[] {
  const tables = new Set(
    dependents.filter(({ type }) => type === "table").map(({ name }) => foldName(name)),
  );
  const kept = statisticsTables.filter((name) => tables.has(name));
  if (kept.length === 0 || !losesStatistics(statements)) return statements;
  const renames = statements.map((statement) => renamedTable(statement));
  // A column that is called otherwise is still the same.
  const isColumnRenamed = statements.some(({ text }, place) =>
    renames[place] === null && verbOf(text) === "ALTER" && /\brename\b/i.test(text)
  );
  const columns = isColumnRenamed ? "count(*) || ''" : "group_concat(coalesce(name, '?'))";
  const madeOf = (index: string) => `(SELECT ${columns} FROM pragma_index_info(${index}))`;
  return [
    ...kept.map((name) =>
      added(
        `UPDATE ${name} SET tbl = '${mark}' || tbl, idx = idx || char(10) || coalesce(${madeOf("idx")}, '')`,
      )
    ),
    ...statements.flatMap((statement, place) => {
      const rename = renames[place];
      const isOld = rename && tables.has(foldName(rename.from));
      return isOld ? [statement, ...kept.map((name) => added(follow(name, rename)))] : [statement];
    }),
    ...kept.flatMap((name) => putBack(name, madeOf)),
  ];
}

function follow(statistics: string, { from, to }: Rename): string {
  const automatic = (table: string) => quoteText(`sqlite_autoindex_${table}_`);
  const length = `length(${automatic(from)})`;
  return `UPDATE ${statistics} SET tbl = ${
    quoteText(mark + to)
  }, idx = CASE WHEN lower(substr(idx, 1, ${length})) = lower(${automatic(from)}) THEN ${
    automatic(to)
  } || substr(idx, ${length} + 1) ELSE idx END WHERE lower(tbl) = lower(${quoteText(mark + from)})`;
}

function putBack(name: string, madeOf: (index: string) => string): readonly PlacedStatement[] {
  const waits = `tbl LIKE '${mark.replace("_", "\\_")}%' ESCAPE '\\'`;
  const table = `substr(${name}.tbl, ${mark.length + 1})`;
  const [index, was] = [
    `substr(${name}.idx, 1, instr(${name}.idx, char(10)) - 1)`,
    `substr(${name}.idx, instr(${name}.idx, char(10)) + 1)`,
  ];
  const isThere = `EXISTS (SELECT 1 FROM sqlite_schema AS m WHERE lower(m.tbl_name) = lower(${table}) AND CASE
      WHEN ${name}.idx IS NULL THEN m.type = 'table'
      ELSE lower(m.name) = lower(${index}) AND coalesce(${madeOf("m.name")}, '') = ${was} END)`;
  const isKnown = `EXISTS (SELECT 1 FROM ${name} AS found WHERE lower(found.tbl) = lower(${table}))`;
  return [
    added(`DELETE FROM ${name} WHERE ${waits} AND (${isKnown} OR NOT ${isThere})`),
    added(`UPDATE ${name} SET tbl = ${table}, idx = ${index} WHERE ${waits}`),
  ];
}

interface Rename {
  readonly from: string;
  readonly to: string;
}

/** `ALTER TABLE a RENAME TO b`; `null` for anything else. */
function renamedTable({ text }: SqliteStatement): Rename | null {
  if (verbOf(text) !== "ALTER") return null;
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const [from, to] = [tokens.at(-4), tokens.at(-1)].map(nameOf);
  const isRename = isWord(tokens.at(-2), "TO") && isWord(tokens.at(-3), "RENAME");
  return isRename && from && to ? { from, to } : null;
}
