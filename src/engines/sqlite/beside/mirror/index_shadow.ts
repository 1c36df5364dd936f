import { foldName } from "../../../../base/fold_name.ts";
import { DatabaseSync } from "node:sqlite";
import { HarborError } from "../../../../base/errors.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { tokensOf } from "../../../../sql/cursor.ts";
import { nameOf } from "../../../../sql/lexer.ts";
import { readIndex } from "../../ddl.ts";
import { verbOf } from "../../connection/statement.ts";
import type { Shadow } from "./shadow.ts";
import { mirrorName } from "./mirror.ts";
import { columnsNamed, readSourceTable, type Rows, type SourceTable } from "../form/source_table.ts";

/** A `CREATE INDEX` as SQLite keeps it. */
interface IndexText {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/**
 * Returns what builds an index beside writers; `null` for a statement that is none, or an index that only the plain way
 * can build or refuse.
 *
 * The mirror has the columns that the index reads by their own names, types and collations, and its row id is the
 * row's. So the same text makes an index of the same records in the same order there: those are the values of the key
 * with the affinity of the column or expression, then the row id, and neither UNIQUE nor the table is in them.
 * Source: https://www.sqlite.org/fileformat.html#representation_of_sql_indices
 */
export function planIndex(rows: Rows, id: number, statement: string): Shadow | null {
  const table = tableOf(statement);
  const source = table === null ? null : readSourceTable(rows, table);
  if (source === null) return null;
  // Of the tables that this one refers to there is none.
  const scratch = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  try {
    const shadow = planOn(scratch, { source, id, statement });
    const taken = {
      text: "SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?)",
      values: [shadow.index.name],
    };
    return rows(taken).length > 0 ? null : shadow;
  } catch {
    // Whatever it is, SQLite says it better when it runs the statement.
    return null;
  } finally {
    scratch.close();
  }
}

/** Returns the table of a `CREATE INDEX`, `null` for any other statement. */
export function tableOf(statement: string): string | null {
  if (verbOf(statement) !== "CREATE") return null;
  return /^CREATE\s+(?:UNIQUE\s+)?INDEX\b/i.test(
      tokensOf(statement, "sqlite").slice(0, 3).map((each) => each.text).join(" "),
    )
    ? tableName(statement)
    : null;
}

function tableName(statement: string): string | null {
  const tokens = tokensOf(statement, "sqlite");
  const open = tokens.findIndex((token) => token.text === "(" && token.kind === "sign");
  return nameOf(tokens[open - 1]);
}

function planOn(
  scratch: DatabaseSync,
  { source, id, statement }: {
    readonly source: SourceTable;
    readonly id: number;
    readonly statement: string;
  },
): Shadow & { readonly index: IndexText } {
  scratch.exec(source.sql);
  scratch.exec(statement);
  const index = scratch.prepare(
    "SELECT name, tbl_name AS \"table\", sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
  ).get() as unknown as IndexText;
  const columns = columnsNamed(bodyOf(index.sql), source.columns).filter(({ name }) =>
    name !== source.rowIdColumn
  );
  const { where } = readIndex(index.sql);
  const rowId = quoteName(source.rowIdColumn ?? freeName(source));
  const target = mirrorName(id);
  const unique = /^CREATE\s+UNIQUE/i.test(index.sql) ? "UNIQUE " : "";
  const declared = columns.map(({ name, type }) =>
    `, ${quoteName(name)} ${type} COLLATE ${quoteName(collationOf(scratch, source, name))}`
  );
  const make = [
    `CREATE TABLE ${target} (${rowId} INTEGER PRIMARY KEY${declared.join("")})${
      source.isStrict ? " STRICT" : ""
    }`,
    `CREATE ${unique}INDEX ${target}_index ON ${target} ${bodyAs(scratch, source, target)}`,
  ];
  for (const text of make) scratch.exec(text);
  return {
    id,
    source,
    rowId,
    where,
    columns: columns.map(({ name }) => ({ name, from: quoteName(name) })),
    index,
    name: `index ${index.name}`,
    make,
    put(file) {
      const moved = file.change({
        text: "UPDATE sqlite_schema SET name = ?, tbl_name = ?, sql = ? WHERE type = 'index' AND name = ?",
        values: [index.name, index.table, index.sql, `${target}_index`],
      });
      if (moved !== 1) throw new HarborError("internal", `Cannot move the index "${index.name}": it is gone`);
    },
  };
}

/** Returns what stands in the text of an index from its columns on. */
function bodyOf(text: string): string {
  const open = tokensOf(text, "sqlite").find((token) => token.text === "(" && token.kind === "sign")!;
  return text.slice(open.start);
}

/** Returns it as SQLite writes it for a table of another name: a condition may have the table's before a column's. Leaves no table. */
function bodyAs(scratch: DatabaseSync, { name }: SourceTable, target: string): string {
  scratch.exec(`ALTER TABLE ${quoteName(name)} RENAME TO ${target}`);
  const row = scratch.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").get();
  scratch.exec(`DROP TABLE ${target}`);
  return bodyOf(String(row!["sql"]));
}

/** SQLite tells a column's collation only by an index on it. */
function collationOf(scratch: DatabaseSync, { name: table }: SourceTable, column: string): string {
  scratch.exec(`CREATE INDEX harbor_probe ON ${quoteName(table)} (${quoteName(column)})`);
  const row = scratch.prepare("SELECT coll FROM pragma_index_xinfo('harbor_probe') WHERE seqno = 0").get();
  scratch.exec("DROP INDEX harbor_probe");
  return String(row!["coll"]);
}

function freeName({ columns }: SourceTable): string {
  let name = "harbor_row";
  while (columns.some((each) => foldName(each.name) === name)) name += "_";
  return name;
}
