import { foldName } from "../../../../base/fold_name.ts";
import { sql } from "drizzle-orm";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import { rowIdWords } from "../../../../sql/row_id.ts";
import { closing, cursorAt, foldedName, tokensOf } from "../../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../../sql/lexer.ts";
import { compile, type SqliteStatement } from "../../connection/statement.ts";
import { refersToNothing } from "../definition/look.ts";
import { dangling, type NewReference, readNewReferences } from "../definition/references.ts";
import { isTableAs } from "../definition/swap.ts";
import { openReplica, type Replica } from "../form/replica.ts";
import { readTable, type TableForm } from "../form/table.ts";
import { referenceAt } from "../form/without_references.ts";
import { changedMeanwhile, isLarge } from "../form/whole_table.ts";
import type { Found } from "../../rebuild/found.ts";
import type { Way } from "./way.ts";

/**
 * Adds a column with a CHECK, or with a reference and a default, to a large table. For each such column all of the table would be looked
 * at in the transaction in which nobody else can write (0.8 s a million rows), though all rows have the default in it: where the
 * check asks for that column alone, to try the default says as much. So the column is added without it, and the check or the
 * reference is put into the table's text in the same transaction.
 */
export const addedColumnWay: Way = {
  find: (statements, at) => readAdded(statements[at]!),
  plan({ place, table, statements: [statement = ""], before: from, after: to }) {
    const added = readAdded(statement);
    const after = readTable(to, table);
    if (added === null || after === null || !isLarge(place.file, table, place.largeRows)) return null;
    const [before, bare] = [readTable(from, table), unchecked(from, added, after)];
    if (before === null || bare === null || !isMetByDefault(added, after)) return null;
    const references = added.refers ? readNewReferences(from, to, { before, after }) : [];
    if (references === null) return null;
    const put = putText(bare, after);
    return {
      way: "definition",
      table: after.name,
      words: added.refers
        ? "a column is added whose default alone is looked for in the table that it refers to"
        : "a column is added whose check is tried on its default: no row is looked at",
      batches: (record) => [{
        mode: "rows",
        statements: [
          ...[added.bare, ...references.map((reference) => refusalOf(after, reference)), ...put].map((text) =>
            sql.raw(text)
          ),
          ...record,
        ],
      }],
      run: async ({ record }) => {
        const steps = [added.bare, ...put].map((text): SqliteStatement => ({ text, values: [] }));
        await place.changeSchema([...steps, ...record.map(compile)], (read) => {
          const broken = references.find((reference) =>
            read({ text: someDangling(after, reference), values: [] }).length > 0
          );
          if (broken) throw refersToNothing(broken, { text: statement, index: 0 });
          if (!isTableAs(read, after)) throw changedMeanwhile("change", after.name);
        });
      },
    };
  },
};

/** Finds a row that refers to nothing, where all have the same value. */
function someDangling(table: TableForm, reference: NewReference): string {
  const name = quoteName(table.name);
  return `SELECT 1 FROM (SELECT * FROM ${name} LIMIT 1) AS ${name} WHERE ${dangling(table, reference)}`;
}

/** Fails where {@link someDangling} finds one. */
function refusalOf(table: TableForm, reference: NewReference): string {
  return `SELECT json_extract('{}', 'FOREIGN KEY constraint failed') FROM (${
    someDangling(table, reference)
  })`;
}

interface Added extends Found {
  readonly column: string;
  /** What stands behind ADD. */
  readonly definition: string;
  /** The tokens of the conditions. */
  readonly conditions: readonly Token[];
  /** Whether it refers to a table, and has a value in all rows. */
  readonly refers: boolean;
  /** The statement without its checks, and without such a reference. */
  readonly bare: string;
}

/** Reads `ALTER TABLE … ADD` of a column that has a check or a reference, and a value that is the same in all rows. */
function readAdded(text: string): Added | null {
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const at = cursorAt(tokens);
  if (!at.take("ALTER", "TABLE")) return null;
  const table = at.name();
  if (!at.take("ADD")) return null;
  at.take("COLUMN");
  const own = at.rest();
  const has = (word: string) => own.some((token) => isWord(token, word));
  // Without a value nothing is referred to.
  const refers = has("REFERENCES") && has("DEFAULT");
  const conditions: Token[] = [];
  let [bare, from] = ["", 0];
  for (let place = 0; place < own.length; place++) {
    if (["GENERATED", "AS"].some((word) => isWord(own[place], word))) return null;
    const check = isWord(own[place], "CONSTRAINT") ? place + 2 : place;
    let end = place;
    if (isWord(own[check], "CHECK")) {
      end = closing(own, check + 1);
      conditions.push(...own.slice(check + 2, end));
    } else if (refers && isWord(own[check], "REFERENCES")) end = referenceAt(own, check).end - 1;
    else continue;
    bare += `${text.slice(from, own[place]!.start)} `;
    const last = own[end];
    from = last === undefined ? text.length : last.start + last.text.length;
    place = end;
  }
  const [first] = own;
  if (first === undefined || (conditions.length === 0 && !refers)) return null;
  return {
    count: 1,
    table,
    column: nameOf(first) ?? "",
    definition: text.slice(first.start),
    conditions,
    refers,
    bare: bare + text.slice(from),
  };
}

/** Returns the table with the column and without its check and reference; `null` where anything else would differ. */
function unchecked(from: Replica, { bare, table }: Added, after: TableForm): TableForm | null {
  const replica = from.after([bare]);
  const form = replica && readTable(replica, table);
  const alike = (table: TableForm) => JSON.stringify({ ...table, sql: "", checks: [], references: [] });
  return form !== null && alike(form) === alike(after) ? form : null;
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
