import { foldName, isSameName } from "../../../base/fold_name.ts";
import { sql } from "drizzle-orm";
import { handedKey } from "../../beside.ts";
import { quoteName } from "../../../sql/quote.ts";
import { cursorAt, foldedName, tokensOf } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";
import { userStatement } from "../../statement_names.ts";
import { compile } from "../statement.ts";
import { buildMirror } from "./mirror/build_mirror.ts";
import type { Shadow } from "./mirror/shadow.ts";
import { joined } from "./mirror/clear_away.ts";
import { readDroppedColumns } from "./drops.ts";
import { changedMeanwhile, isLarge, isReferredTo } from "./whole_table.ts";
import { exchange, textsAs } from "./mirror/exchange.ts";
import { mirrorName } from "./mirror/mirror.ts";
import { readRebuild, type Rebuild } from "./rebuild.ts";
import { type Replica, schemaQuery, type SchemaRow } from "./form/replica.ts";
import { readSourceTable, type Rows } from "./form/source_table.ts";
import { affinityOf, type IndexForm, readTable, type TableForm } from "./form/table.ts";
import type { Given, Way } from "./way.ts";

/**
 * Copies a large table that needs a copy (another affinity, order or key, or columns that go) beside those who write to it. The
 * copy is a mirror under another name; the transaction at the end exchanges the two tables' places in `sqlite_schema`, so that
 * views, triggers and references go on by the name, and nobody waits for the old one to be taken away, or for what goes with
 * it to be put aside.
 */
export const copyWay: Way = {
  find: (statements, at) => readRebuild(statements, at) ?? readDroppedColumns(statements, at),
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
      handsOver: !copy.before.columns.some(({ name }) => foldName(name) === handedKey),
      batches: (record) => [{ mode: "schema", statements: [...plain, ...record] }],
      run: async (task) => {
        const isMade = await buildMirror(file, {
          statement: joined(statements),
          index: 0,
          record: task.record.map(compile),
          handOver: task.handOver && {
            name: task.handOver.name,
            steps: task.handOver.statements.map(compile),
          },
          plan: (rows, id) => hasIndexes(rows, copy.before) ? planCopy(rows, id, copy) : null,
        }, task);
        if (!isMade) throw changedMeanwhile("copy", copy.after.name);
      },
    };
  },
};

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
  if (before === null || after === null || before.name !== after.name) return null;
  const values = rebuild?.values ?? ownValues(after);
  // A row keeps its id in the copy: that no column is it any more changes nothing of that.
  const alias = rowIdOf(after);
  const isFollowed = before.hasRowid && after.hasRowid && before.isAutoincrement === after.isAutoincrement &&
    (alias === null || (alias === rowIdOf(before) && values.has(alias)));
  const elsewhere = [from, to].map((replica) =>
    replica.rows<SchemaRow>(schemaQuery.text).filter((row) =>
      !isSameName("sqlite", row.table, table) || row.type === "trigger"
    ).map(({ sql }) => sql).toSorted().join("\n")
  );
  // Where columns go, all rows stay, and so do the references of those that are left.
  const isApart = [before, after].every(({ sql }) => !hasWord(sql, "CONFLICT")) &&
    (rebuild === null ||
      [before, after].every(({ sql }) => !hasWord(sql, "REFERENCES")) && !isReferredTo(from, before.name));
  if (!isFollowed || elsewhere[0] !== elsewhere[1] || !isApart || !isCopied({ before, after, values })) {
    return null;
  }
  return { before, after, from, to, values };
}

/** What each column is filled with where it is copied as it is. */
function ownValues({ columns }: TableForm): Rebuild["values"] {
  return new Map(
    columns.flatMap(({ name, generated }) =>
      generated === null ? [[foldName(name), quoteName(name)] as const] : []
    ),
  );
}

/**
 * Whether a table's text may refer to rows, which a copy with other values would not do alike, or may let a row go that it
 * refuses, or others instead of it: ON CONFLICT.
 */
function hasWord(text: string, word: "REFERENCES" | "CONFLICT"): boolean {
  return tokensOf(text, "sqlite").some((token) => isWord(token, word));
}

/**
 * Whether each value is the column of the name and nothing else: what an expression reads elsewhere, or makes of the time,
 * no trigger on the table tells. REAL rounds, so that what it holds cannot be compared with what it was.
 */
function isCopied({ before, after, values }: Pick<Copy, "before" | "after" | "values">): boolean {
  const find = ({ columns }: TableForm, name: string) =>
    columns.find((column) => foldName(column.name) === name);
  return [...values.keys()].every((name) => {
    const [was, is] = [find(before, name), find(after, name)];
    if (was === undefined || is === undefined || !isKept(name, values)) return false;
    return affinityOf(is.type) !== "real" || affinityOf(was.type) === "real";
  });
}

function isKept(column: string, values: Rebuild["values"]): boolean {
  const value = values.get(foldName(column));
  const [name, ...more] = value === undefined ? [] : tokensOf(value, "sqlite");
  return name !== undefined && more.length === 0 &&
    isSameName("sqlite", cursorAt([name]).name(), column);
}

/** The column that is the row id itself, in lower case. */
function rowIdOf({ columns, automatic }: TableForm): string | null {
  const key = columns.filter((column) => column.key > 0);
  const isAlias = key.length === 1 && key[0]!.type.toUpperCase() === "INTEGER" &&
    !automatic.some((index) => index.includes('"origin":"pk"'));
  return isAlias ? foldName(key[0]!.name) : null;
}

function planCopy(rows: Rows, id: number, { before, after, from, to, values }: Copy): Shadow | null {
  const source = readSourceTable(rows, before.name);
  const target = mirrorName(id);
  const made = textsAs(to, after.name, target);
  const isKnown = source !== null && source.sql === before.sql;
  const moved = before.indexes.filter((index) => isMoved(index, { before, after, values }));
  if (!isKnown || made === null || textsAs(from, before.name, target) === null) return null;
  const alias = rowIdOf(after);
  const stored = after.columns.filter(({ name, generated }) =>
    generated === null && foldName(name) !== alias
  );
  const word = ["rowid", "_rowid_", "oid"].find((each) =>
    !after.columns.some(({ name }) => foldName(name) === each)
  );
  if (alias === null && word === undefined) return null;
  const columns = stored.flatMap(({ name, type }) => {
    const value = values.get(foldName(name));
    if (value === undefined) return [];
    const origin = before.columns.find((column) => isSameName("sqlite", column.name, name));
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
    make: [
      made.table,
      ...made.indexes.filter(({ name }) => !moved.some((index) => index.name === name)).map(({ sql }) => sql),
    ],
    put: (file, oldName) =>
      exchange(file, { target, oldName, after, made, old: textsAs(from, before.name, oldName)!, moved }),
  };
}

/**
 * Whether an index serves the copy as it is. It holds the values of its key and the row ids, and nothing of where the rows lie:
 * so where both are the same in the copy, building it anew would only take time, most of all that of many pages written here and
 * there.
 * Source: https://www.sqlite.org/fileformat.html#representation_of_sql_indices
 */
function isMoved(
  index: IndexForm,
  { before, after, values }: Pick<Copy, "before" | "after" | "values">,
): boolean {
  const made = after.indexes.find(({ name }) => name === index.name);
  const keyOf = ({ isUnique, parts, where }: IndexForm) => JSON.stringify([isUnique, parts, where]);
  if (made === undefined || keyOf(made) !== keyOf(index)) return false;
  const names = new Set(
    [index, made].flatMap(({ sql }) => tokensOf(sql, "sqlite").map((token) => foldedName(token, "sqlite"))),
  );
  const named = ({ columns }: TableForm) =>
    columns.filter(({ name }) => names.has(foldName(name))).map((column) => [
      foldName(column.name),
      column.type,
      column.collation,
      column.key,
      // What is worked out, or is not taken over, may be another value.
      column.generated === null && values.has(foldName(column.name)),
    ]);
  const [was, is] = [before, after].map((table) => named(table).toSorted());
  return is!.every((column) => column.at(-1) === true) && JSON.stringify(was) === JSON.stringify(is);
}

/** Whether a table has the indexes that it is known by, and no other. */
function hasIndexes(rows: Rows, { name, indexes }: TableForm): boolean {
  const found = rows<{ name: string; sql: string }>({
    text:
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND lower(tbl_name) = lower(?)",
    values: [name],
  });
  return found.length === indexes.length &&
    indexes.every((index) => found.some((each) => each.name === index.name && each.sql === index.sql));
}
