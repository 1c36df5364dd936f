import { sql } from "drizzle-orm";
import { HarborError } from "../../../base/errors.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
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
      batches: (record) => [{ mode: "rows", statements: [...plain, ...record] }],
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

/** Returns the copy that a rebuild makes; `null` of one that cannot be followed row by row, or that others depend on. */
function readCopy({ statements, table, before: from, after: to }: Given): Copy | null {
  const rebuild = readRebuild(statements, 0);
  const [before, after] = [readTable(from, table), readTable(to, table)];
  if (rebuild === null || before === null || after === null || before.name !== after.name) return null;
  const { values } = rebuild;
  // A row keeps its id in the copy: that no column is it any more changes nothing of that.
  const alias = rowIdOf(after);
  const isFollowed = before.hasRowid && after.hasRowid && before.isAutoincrement === after.isAutoincrement &&
    (alias === null || (alias === rowIdOf(before) && isKept(alias, values)));
  const elsewhere = [from, to].map((replica) =>
    replica.rows<SchemaRow>(schemaQuery.text).filter((row) =>
      row.table.toLowerCase() !== table.toLowerCase() || row.type === "trigger"
    ).map(({ sql }) => sql).toSorted().join("\n")
  );
  if (!isFollowed || elsewhere[0] !== elsewhere[1] || !keepsReferences(from, { before, after, values })) {
    return null;
  }
  return { before, after, from, to, values };
}

/** Whether what refers to the table, and what it refers to, finds the same values in the copy. */
function keepsReferences(
  from: Replica,
  { before, after, values }: Pick<Copy, "before" | "after" | "values">,
): boolean {
  const same = (name: string) => {
    const [a, b] = [before, after].map(({ columns }) =>
      columns.find((column) => column.name.toLowerCase() === name.toLowerCase())
    );
    return a !== undefined && b !== undefined && affinityOf(a.type) === affinityOf(b.type) &&
      isKept(b.name, values);
  };
  const parents = (form: TableForm) => form.references.map((each) => JSON.stringify(each)).toSorted().join();
  const referred = from.rows<{ to: string | null }>(
    `SELECT k."to" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) k WHERE m.type = 'table' AND lower(k."table") = lower(${
      quoteText(before.name)
    })`,
  );
  const keys = before.columns.filter(({ key }) => key > 0).map(({ name }) => name);
  const needed = [
    ...before.references.flatMap(({ columns }) => columns),
    ...referred.flatMap(({ to }) => to === null ? keys : [to]),
  ];
  return parents(before) === parents(after) && needed.every(same);
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
    const isSame = origin !== undefined && isKept(name, values) &&
      affinityOf(origin.type) === affinityOf(type);
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
  set(wasTable!.rowid, { ...isTable!, name: after.name, table: after.name, sql: after.sql });
  set(isTable!.rowid, { ...wasTable!, name: target, table: target, sql: old.table });
  for (const index of is.filter(({ type }) => type === "index")) {
    const text = made.indexes.find(({ as }) => as === index.name);
    const name = text?.name ?? index.name.replace(target, after.name);
    const sql = after.indexes.find((each) => each.name === text?.name)?.sql ?? null;
    set(index.rowid, { ...index, name, table: after.name, sql });
  }
  for (const index of was.filter(({ type }) => type === "index")) {
    const text = old.indexes.find(({ name }) => name === index.name);
    file.change({ text: "DELETE FROM sqlite_schema WHERE rowid = ?", values: [BigInt(index.rowid)] });
    file.change({
      text: "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)",
      values: [
        text?.as ?? index.name.replace(after.name, target),
        target,
        BigInt(index.rootpage),
        text?.sql ?? null,
      ],
    });
  }
}

function isLarge(file: BesideFile, table: string, atLeast: number): boolean {
  const found = file.rows<SchemaRow>(schemaQuery).find((row) =>
    row.type === "table" && row.name.toLowerCase() === table.toLowerCase()
  );
  return found !== undefined && file.rows<{ large: number }>(hasRows(found.name, atLeast))[0]?.large === 1;
}
