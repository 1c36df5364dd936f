import { foldName } from "../../../../base/fold_name.ts";
import { sql } from "drizzle-orm";
import { quoteText } from "../../../../sql/quote.ts";
import { rowIdWords } from "../../../../sql/row_id.ts";
import { closing, cursorAt, foldedName, tokensOf } from "../../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../../sql/lexer.ts";
import { compile, type SqliteStatement } from "../../connection/statement.ts";
import { isTableAs } from "../definition/swap.ts";
import { openReplica, type Replica } from "../form/replica.ts";
import { readTable, type TableForm } from "../form/table.ts";
import { changedMeanwhile, isLarge } from "../form/whole_table.ts";
import type { Found } from "../../rebuild/found.ts";
import type { Way } from "./way.ts";

/**
 * Adds a column with a CHECK to a large table. For each such column SQLite looks at all of the table in the transaction in which
 * nobody else can write (0.8 s a million rows), though all rows have the default in it: where the check asks for that column
 * alone, to try the default says as much. So the column is added without it, and the check is put into the table's text in the
 * same transaction.
 */
export const addedColumnWay: Way = {
  find: (statements, at) => readAdded(statements[at]!),
  plan({ place, table, statements: [statement = ""], before: from, after: to }) {
    const added = readAdded(statement);
    const after = readTable(to, table);
    if (added === null || after === null || !isLarge(place.file, table, place.largeRows)) return null;
    const bare = unchecked(from, added, after);
    if (bare === null || !isMetByDefault(added, after)) return null;
    const put = putText(bare, after);
    return {
      way: "definition",
      table: after.name,
      words: "a column is added whose check is tried on its default: no row is looked at",
      batches: (record) => [{
        mode: "rows",
        statements: [...[added.bare, ...put].map((text) => sql.raw(text)), ...record],
      }],
      run: async ({ record }) => {
        const steps = [added.bare, ...put].map((text): SqliteStatement => ({ text, values: [] }));
        await place.changeSchema([...steps, ...record.map(compile)], (read) => {
          if (!isTableAs(read, after)) throw changedMeanwhile("change", after.name);
        });
      },
    };
  },
};

interface Added extends Found {
  readonly column: string;
  /** What stands behind ADD. */
  readonly definition: string;
  /** The tokens of the conditions. */
  readonly conditions: readonly Token[];
  /** The statement without its checks. */
  readonly bare: string;
}

/** Reads `ALTER TABLE … ADD` of a column that has a check, and a value that is the same in all rows. */
function readAdded(text: string): Added | null {
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const at = cursorAt(tokens);
  if (!at.take("ALTER", "TABLE")) return null;
  const table = at.name();
  if (!at.take("ADD")) return null;
  at.take("COLUMN");
  const own = at.rest();
  const has = (word: string) => own.some((token) => isWord(token, word));
  // A reference that has a value in all rows is to be looked up.
  if (has("REFERENCES") && has("DEFAULT")) return null;
  const conditions: Token[] = [];
  let [bare, from] = ["", 0];
  for (let place = 0; place < own.length; place++) {
    if (["GENERATED", "AS"].some((word) => isWord(own[place], word))) return null;
    const check = isWord(own[place], "CONSTRAINT") ? place + 2 : place;
    if (!isWord(own[check], "CHECK")) continue;
    const end = closing(own, check + 1);
    conditions.push(...own.slice(check + 2, end));
    bare += `${text.slice(from, own[place]!.start)} `;
    from = (own[end]?.start ?? text.length) + 1;
    place = end;
  }
  const [first] = own;
  if (first === undefined || conditions.length === 0) return null;
  return {
    count: 1,
    table,
    column: nameOf(first) ?? "",
    definition: text.slice(first.start),
    conditions,
    bare: bare + text.slice(from),
  };
}

/** Returns the table with the column and without its check; `null` where anything else would differ. */
function unchecked(from: Replica, { bare, table }: Added, after: TableForm): TableForm | null {
  const replica = from.after([bare]);
  const form = replica && readTable(replica, table);
  const isLike = form !== null &&
    JSON.stringify({ ...form, sql: "", checks: [] }) === JSON.stringify({ ...after, sql: "", checks: [] });
  return isLike ? form : null;
}

/** Whether a check asks for its column alone, and its default meets it. */
function isMetByDefault({ column, conditions, definition }: Added, { name, columns }: TableForm): boolean {
  const others = [name, ...rowIdWords, ...columns.map((each) => each.name)]
    .map((each) => foldName(each)).filter((each) => each !== foldName(column));
  if (conditions.some((token) => others.includes(foldedName(token, "sqlite") ?? ""))) return false;
  const probe = openReplica([]);
  return probe?.run([`CREATE TABLE probe (${definition}\n)`, "INSERT INTO probe DEFAULT VALUES"]) ?? false;
}

/** Returns the statements that give a table its text. That a column was added tells every connection to read it anew. */
function putText(bare: TableForm, { name, sql }: TableForm): readonly string[] {
  return [
    "PRAGMA writable_schema = ON",
    `UPDATE sqlite_schema SET sql = ${quoteText(sql)} WHERE type = 'table' AND name = ${
      quoteText(name)
    } AND sql = ${quoteText(bare.sql)}`,
    "PRAGMA writable_schema = RESET",
  ];
}
