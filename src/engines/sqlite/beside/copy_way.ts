import { sql } from "drizzle-orm";
import { HarborError } from "../../../base/errors.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";
import { userStatement } from "../../statement_names.ts";
import type { BesideFile } from "../database.ts";
import { compile } from "../statement.ts";
import { buildMirror, type Shadow } from "./build_mirror.ts";
import { joined } from "./clear_away.ts";
import { mirrorName } from "./mirror.ts";
import { readRebuild, type Rebuild } from "./rebuild.ts";
import { hasRows, type Replica, schemaQuery, type SchemaRow } from "./replica.ts";
import { readSourceTable, type Rows } from "./source_table.ts";
import { affinityOf, readTable, type TableForm } from "./table.ts";
import type { Given, Way } from "./way.ts";

/**
 * Copies a large table that needs a copy (another affinity, order or key) beside those who write to it. The copy is a
 * mirror under another name; the transaction at the end exchanges the two tables' places in `sqlite_schema`, so that
 * views, triggers and references go on by the name, and nobody waits for the old one to be taken away.
 */
export const copyWay: Way = {
  find: readRebuild,
  plan(given) {
    const { place: { file, largeRows }, table, statements } = given;
    const copy = readCopy(given);
    if (copy === null || !isLarge(file, table, largeRows)) return null;
    const source = readSourceTable(file.rows, table);
    if (source?.sql === copy.before.sql && planCopy(file.rows, 0, copy) === null) return null;
    const plain = statements.map((text) => userStatement(sql.raw(text)));
    return {
      way: "shadow",
      table: copy.after.name,
      words: "it is copied in batches beside writers",
      batches: (record) => [{ mode: "schema", statements: [...plain, ...record] }],
      run: async (task) => {
        const isMade = await buildMirror(file, {
          statement: joined(statements),
          index: 0,
          record: task.record.map(compile),
          plan: (rows, id) => planCopy(rows, id, copy),
        }, task);
        if (!isMade) throw changedMeanwhile(copy.after.name);
      },
    };
  },
};

function changedMeanwhile(table: string): HarborError {
  return new HarborError("busy", `Cannot copy "${table}"`, {
    state: "others change its schema meanwhile",
    hint: "Run the same command again when that is over.",
  });
}

interface Copy {
  readonly before: TableForm;
  readonly after: TableForm;
  readonly from: Replica;
  readonly to: Replica;
  readonly values: Rebuild["values"];
}

/**
 * Returns the copy that a rebuild makes; `null` of one that cannot be followed row by row, whose rows are more than copied,
 * or that others depend on.
 */
function readCopy({ statements, table, before: from, after: to }: Given): Copy | null {
  const rebuild = readRebuild(statements, 0);
  const [before, after] = [readTable(from, table), readTable(to, table)];
  if (rebuild === null || before === null || after === null || before.name !== after.name) return null;
  const { values } = rebuild;
  // A row keeps its id in the copy: that no column is it any more changes nothing of that.
  const alias = rowIdOf(after);
  const isFollowed = before.hasRowid && after.hasRowid && before.isAutoincrement === after.isAutoincrement &&
    (alias === null || (alias === rowIdOf(before) && values.has(alias)));
  const elsewhere = [from, to].map((replica) =>
    replica.rows<SchemaRow>(schemaQuery.text).filter((row) =>
      row.table.toLowerCase() !== table.toLowerCase() || row.type === "trigger"
    ).map(({ sql }) => sql).toSorted().join("\n")
  );
  const isApart = [before, after].every(({ sql }) => standsAlone(sql)) && !isReferredTo(from, before.name);
  if (!isFollowed || elsewhere[0] !== elsewhere[1] || !isApart || !isCopied({ before, after, values })) {
    return null;
  }
  return { before, after, from, to, values };
}

/**
 * Whether a table refers to no rows, which the mirror would do as well, and refuses a row by an error: ON CONFLICT would
 * let it go, or others instead of it.
 */
function standsAlone(text: string): boolean {
  return !tokensOf(text, "sqlite").some((token) => isWord(token, "REFERENCES") || isWord(token, "CONFLICT"));
}

function isReferredTo({ rows }: Replica, table: string): boolean {
  const [found] = rows(
    `SELECT 1 FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) k WHERE m.type = 'table' AND lower(k."table") = lower(${
      quoteText(table)
    })`,
  );
  return found !== undefined;
}

/**
 * Whether each value is the column of the name and nothing else: what an expression reads elsewhere, or makes of the time,
 * no trigger on the table tells. REAL rounds, so that what it holds cannot be compared with what it was.
 */
function isCopied({ before, after, values }: Pick<Copy, "before" | "after" | "values">): boolean {
  const find = ({ columns }: TableForm, name: string) =>
    columns.find((column) => column.name.toLowerCase() === name);
  return [...values.keys()].every((name) => {
    const [was, is] = [find(before, name), find(after, name)];
    if (was === undefined || is === undefined || !isKept(name, values)) return false;
    return affinityOf(is.type) !== "real" || affinityOf(was.type) === "real";
  });
}

function isKept(column: string, values: Rebuild["values"]): boolean {
  const value = values.get(column.toLowerCase());
  const [name, ...more] = value === undefined ? [] : tokensOf(value, "sqlite");
  return name !== undefined && more.length === 0 &&
    cursorAt([name]).name().toLowerCase() === column.toLowerCase();
}

/** The column that is the row id itself, in lower case. */
function rowIdOf({ columns, automatic }: TableForm): string | null {
  const key = columns.filter((column) => column.key > 0);
  const isAlias = key.length === 1 && key[0]!.type.toUpperCase() === "INTEGER" &&
    !automatic.some((index) => index.includes('"origin":"pk"'));
  return isAlias ? key[0]!.name.toLowerCase() : null;
}

function planCopy(rows: Rows, id: number, { before, after, from, to, values }: Copy): Shadow | null {
  const source = readSourceTable(rows, before.name);
  const target = mirrorName(id);
  const [made, old] = [textsAs(to, after.name, target), textsAs(from, before.name, target)];
  if (source === null || source.sql !== before.sql || made === null || old === null) return null;
  const alias = rowIdOf(after);
  const stored = after.columns.filter(({ name, generated }) =>
    generated === null && name.toLowerCase() !== alias
  );
  const word = ["rowid", "_rowid_", "oid"].find((each) =>
    !after.columns.some(({ name }) => name.toLowerCase() === each)
  );
  if (alias === null && word === undefined) return null;
  const columns = stored.flatMap(({ name, type }) => {
    const value = values.get(name.toLowerCase());
    if (value === undefined) return [];
    const origin = before.columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
    const isSame = origin !== undefined && affinityOf(origin.type) === affinityOf(type);
    return [{ name, from: value, isConverted: !isSame }];
  });
  return {
    id,
    source,
    columns,
    rowId: quoteName(alias ?? word!),
    where: null,
    name: "copy",
    make: [made.table, ...made.indexes.map(({ sql }) => sql)],
    put: (file) => exchange(file, { target, after, made, old }),
  };
}

interface Texts {
  readonly table: string;
  /** Each with the name that it has meanwhile. */
  readonly indexes: readonly { readonly name: string; readonly as: string; readonly sql: string }[];
}

/** Returns the texts of a table and its indexes under another name, as SQLite writes them. */
function textsAs(replica: Replica, table: string, name: string): Texts | null {
  const renamed = replica.after([`ALTER TABLE ${quoteName(table)} RENAME TO ${quoteName(name)}`]);
  const found = renamed?.rows<SchemaRow>(schemaQuery.text).filter((row) => row.table === name) ?? [];
  const own = found.find(({ type }) => type === "table");
  if (own === undefined) return null;
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
  return { table: own.sql, indexes };
}

interface Exchange {
  readonly target: string;
  readonly after: TableForm;
  readonly made: Texts;
  readonly old: Texts;
}

interface Row {
  readonly rowid: number;
  readonly type: string;
  readonly name: string;
  readonly rootpage: number;
  readonly sql: string | null;
}

/**
 * Exchanges the pages and texts of the table and its copy. The rows of `sqlite_schema` are read in their order, an index
 * behind its table: those of the old indexes are therefore written anew at the end.
 */
function exchange(file: BesideFile, { target, after, made, old }: Exchange): void {
  const read = (table: string) =>
    file.rows<Row>({
      text:
        "SELECT rowid, type, name, rootpage, sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'index') ORDER BY rowid",
      values: [table],
    });
  const [was, is] = [read(after.name), read(target)];
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
    is: is.filter(isIndex).map((index) => ({ name: finalName(index), now: index.name })),
  });
  set(wasTable!.rowid, { ...isTable!, name: after.name, table: after.name, sql: after.sql });
  set(isTable!.rowid, { ...wasTable!, name: target, table: target, sql: old.table });
  for (const index of is.filter(isIndex)) {
    const name = finalName(index);
    const sql = after.indexes.find((each) => each.name === name)?.sql ?? null;
    set(index.rowid, { ...index, name, table: after.name, sql });
  }
  for (const index of was.filter(isIndex)) {
    const text = old.indexes.find(({ name }) => name === index.name);
    file.change({ text: "DELETE FROM sqlite_schema WHERE rowid = ?", values: [BigInt(index.rowid)] });
    file.change({
      text: "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)",
      values: [
        text?.as ?? automaticName(index, { from: after.name, to: target }),
        target,
        BigInt(index.rootpage),
        text?.sql ?? null,
      ],
    });
  }
}

function isIndex({ type }: Row): boolean {
  return type === "index";
}

/** The name that SQLite gives to the index of a constraint when its table is called otherwise. */
function automaticName({ name }: Row, { from, to }: { readonly from: string; readonly to: string }): string {
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

function isLarge(file: BesideFile, table: string, atLeast: number): boolean {
  const found = file.rows<SchemaRow>(schemaQuery).find((row) =>
    row.type === "table" && row.name.toLowerCase() === table.toLowerCase()
  );
  return found !== undefined && file.rows<{ large: number }>(hasRows(found.name, atLeast))[0]?.large === 1;
}
