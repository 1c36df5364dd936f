import { quoteName, quoteText } from "../../../../sql/quote.ts";
import { tokensOf } from "../../../../sql/cursor.ts";
import type { BesideFile } from "../../database.ts";
import { type Replica, schemaQuery, type SchemaRow } from "../form/replica.ts";
import type { TableForm } from "../form/table.ts";
import { withoutReferences } from "../form/without_references.ts";
import { own } from "../../connection/statement.ts";

/** What a table and its indexes are called and made with while they are aside. */
export interface Texts {
  readonly table: string;
  /** Each with the name that it has meanwhile. */
  readonly indexes: readonly { readonly name: string; readonly as: string; readonly sql: string }[];
}

/**
 * Returns the texts of a table and its indexes under another name, as SQLite writes them; `null` where that is not to be had
 * without its foreign keys.
 */
export function textsAs(replica: Replica, table: string, name: string): Texts | null {
  const renamed = replica.after([`ALTER TABLE ${quoteName(table)} RENAME TO ${quoteName(name)}`]);
  const found = renamed?.rows<SchemaRow>(schemaQuery.text).filter((row) => row.table === name) ?? [];
  const own = found.find(({ type }) => type === "table");
  const text = own === undefined ? null : withoutReferences(own);
  if (text === null) return null;
  const indexes = found.filter(({ type }) => type === "index").map((index, place) => {
    const as = `${name}_index_${place}`;
    const open = tokensOf(index.sql, "sqlite").find((token) => token.text === "(" && token.kind === "sign")!;
    const unique = /^CREATE\s+UNIQUE/i.test(index.sql) ? "UNIQUE " : "";
    return {
      name: index.name,
      as,
      sql: `CREATE ${unique}INDEX ${as} ON ${quoteName(name)} ${index.sql.slice(open.start)}`,
    };
  });
  return { table: text, indexes };
}

/** A table and the copy that takes its place. */
export interface Exchange {
  /** What the copy is called until then. */
  readonly target: string;
  /** What the table is called from then on. */
  readonly oldName: string;
  readonly after: TableForm;
  readonly made: Texts;
  readonly old: Texts;
  /** The old table's indexes that go over to the copy as they are. */
  readonly moved: readonly { readonly name: string }[];
}

interface Row {
  readonly rowid: number;
  readonly type: string;
  readonly name: string;
  readonly rootpage: number;
  readonly sql: string | null;
}

/**
 * Exchanges the pages and texts of the table and its copy, but for the indexes that serve both. The rows of `sqlite_schema` are read in their order, an index
 * behind its table: those of the old indexes are therefore written anew at the end.
 */
export function exchange(file: BesideFile, { target, oldName, after, made, old, moved }: Exchange): void {
  const isMoved = (index: Row) => moved.some(({ name }) => name === index.name);
  const [was, is] = [rowsOf(file, after.name), rowsOf(file, target)];
  const [wasTable, isTable] = [was, is].map((rows) => rows.find(({ type }) => type === "table")!);
  const set = (rowid: number, row: Omit<Row, "rowid" | "type"> & { readonly table: string }) =>
    file.change({
      text: "UPDATE sqlite_schema SET name = ?, tbl_name = ?, rootpage = ?, sql = ? WHERE rowid = ?",
      values: [row.name, row.table, BigInt(row.rootpage), row.sql, BigInt(rowid)],
    });
  const finalName = (index: Row) =>
    made.indexes.find(({ as }) => as === index.name)?.name ??
      automaticName(index, { from: target, to: after.name });
  forgetStatistics(file, {
    table: after.name,
    was: was.filter(isIndex).map((index) => ({ name: index.name, now: index.name })),
    is: [
      ...is.filter(isIndex).map((index) => ({ name: finalName(index), now: index.name })),
      ...moved.map(({ name }) => ({ name, now: name })),
    ],
  });
  set(wasTable!.rowid, { ...isTable!, name: after.name, table: after.name, sql: after.sql });
  set(isTable!.rowid, { ...wasTable!, name: oldName, table: oldName, sql: old.table });
  for (const index of [...is, ...was.filter(isMoved)].filter(isIndex)) {
    const name = isMoved(index) ? index.name : finalName(index);
    const sql = after.indexes.find((each) => each.name === name)?.sql ?? null;
    set(index.rowid, { ...index, name, table: after.name, sql });
  }
  for (const index of was.filter((row) => isIndex(row) && !isMoved(row))) {
    const text = old.indexes.find(({ name }) => name === index.name);
    file.change({ text: "DELETE FROM sqlite_schema WHERE rowid = ?", values: [BigInt(index.rowid)] });
    file.change({
      text: "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)",
      values: [
        text?.as ?? automaticName(index, { from: after.name, to: oldName }),
        oldName,
        BigInt(index.rootpage),
        text?.sql ?? null,
      ],
    });
  }
}

/** Gives a table and its indexes the names and texts that they have while it is aside. */
export function setAside(file: BesideFile, { table, oldName, old }: SetAside): void {
  for (const { rowid, type, name, sql } of rowsOf(file, table)) {
    const text = type === "table"
      ? { as: oldName, sql: old.table }
      : old.indexes.find((each) => each.name === name);
    const as = text?.as ?? automaticName({ name }, { from: table, to: oldName });
    file.change({
      text: "UPDATE sqlite_schema SET name = ?, tbl_name = ?, sql = ? WHERE rowid = ?",
      values: [as, oldName, text?.sql ?? sql, BigInt(rowid)],
    });
  }
}

/** A table that goes, and what it is called from then on. */
export interface SetAside {
  readonly table: string;
  readonly oldName: string;
  readonly old: Texts;
}

/**
 * Runs work in which SQLite's own table is written. SQLite forbids that to connections on the defensive, as all are but for this
 * moment.
 */
export async function undefended(file: BesideFile, work: () => Promise<void>): Promise<void> {
  file.handle.enableDefensive(false);
  try {
    await work();
  } finally {
    // Whether it committed or not: what this connection knows of the schema is read anew.
    file.change(own("PRAGMA writable_schema = RESET"));
    file.handle.enableDefensive(true);
  }
}

/** Writes SQLite's own table, in a transaction of {@link undefended}. */
export function rewriteSchema(file: BesideFile, put: () => void): void {
  file.change(own("PRAGMA writable_schema = ON"));
  put();
  const [row] = file.rows<{ schema_version: number }>(own("PRAGMA schema_version"));
  // By this every connection reads the schema anew, this one too.
  file.change(own(`PRAGMA schema_version = ${row!.schema_version + 1}`));
  file.change(own("PRAGMA writable_schema = OFF"));
}

function rowsOf(file: BesideFile, table: string): readonly Row[] {
  return file.rows<Row>({
    text:
      "SELECT rowid, type, name, rootpage, sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'index') ORDER BY rowid",
    values: [table],
  });
}

function isIndex({ type }: Row): boolean {
  return type === "index";
}

/** The name that SQLite gives to the index of a constraint when its table is called otherwise. */
function automaticName(
  { name }: Pick<Row, "name">,
  { from, to }: { readonly from: string; readonly to: string },
): string {
  return `sqlite_autoindex_${to}${name.slice(`sqlite_autoindex_${from}`.length)}`;
}

interface Indexes {
  readonly table: string;
  /** Those of the old table and those of the new one: what they are called in it, and are meanwhile. */
  readonly was: readonly { readonly name: string; readonly now: string }[];
  readonly is: Indexes["was"];
}

/** Takes away what ANALYZE found out of indexes that have none of the same name and columns after them. */
function forgetStatistics(file: BesideFile, { table, was, is }: Indexes): void {
  const columns = (index: string) =>
    JSON.stringify(file.rows({ text: "SELECT name FROM pragma_index_info(?)", values: [index] }));
  const kept = was.filter(({ name, now }) =>
    is.some((each) => each.name === name && columns(each.now) === columns(now))
  );
  const names = kept.map(({ name }) => quoteText(name)).join(", ");
  const statistics = file.rows<{ name: string }>({
    text: "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')",
    values: [],
  });
  for (const { name } of statistics) {
    file.change({
      text: `DELETE FROM ${name} WHERE tbl = ? AND idx IS NOT NULL AND idx NOT IN (${names})`,
      values: [table],
    });
  }
}
