import { affinityOf } from "../../../../sql/affinity.ts";
import { sql } from "drizzle-orm";
import { foldName } from "../../../../base/fold_name.ts";
import { handedKey, type HandedResult } from "../../../beside.ts";
import { becameColumn, wasColumn } from "../../../kept_table.ts";
import { userStatement } from "../../../statement_names.ts";
import { compile } from "../../connection/statement.ts";
import { buildMirror } from "../mirror/build_mirror.ts";
import { joined } from "../mirror/clear_away.ts";
import { type Copy, readCopy } from "./copy.ts";
import { readDroppedColumns } from "../script/drops.ts";
import { changedMeanwhile, isLarge } from "../form/whole_table.ts";
import { mirrorName } from "../mirror/mirror.ts";
import { oldTexts, planCopy } from "./plan_copy.ts";
import { readSourceTable, type Rows } from "../form/source_table.ts";
import { type ColumnForm, type TableForm } from "../form/table.ts";
import { readUpdatedRebuild } from "../script/updates.ts";
import type { Way } from "./way.ts";

/**
 * Copies a large table that needs a copy (another affinity, order or key, values that are worked out, or columns that go) beside those
 * who write to it. The
 * copy is a mirror under another name; the transaction at the end exchanges the two tables' places in `sqlite_schema`, so that
 * views, triggers and references go on by the name, and nobody waits for the old one to be taken away, or for what goes with
 * it to be put aside.
 */
export const copyWay: Way = {
  find: (statements, at) => readUpdatedRebuild(statements, at) ?? readDroppedColumns(statements, at),
  plan(given) {
    const { place: { file, largeRows }, table, statements } = given;
    const copy = readCopy(given);
    if (copy === null || !isLarge(file, table, largeRows)) return null;
    const source = readSourceTable(file.rows, table);
    if (source?.sql === copy.before.sql && planCopy(file.rows, 0, { copy, handOver: null }) === null) {
      return null;
    }
    const plain = statements.map((text) => userStatement(sql.raw(text)));
    return {
      way: "shadow",
      table: copy.after.name,
      words: "it is copied in batches beside writers",
      handsOver: handedOf(copy),
      batches: (record) => [{ mode: "schema", statements: [...plain, ...record] }],
      run: async (task) => {
        const { handOver = null } = task;
        const isMade = await buildMirror(file, {
          statement: joined(statements),
          index: 0,
          record: task.record.map(compile),
          opening: handOver?.statements.map(compile) ?? [],
          plan: (rows, id) => hasIndexes(rows, copy.before) ? planCopy(rows, id, { copy, handOver }) : null,
        }, task);
        if (!isMade) throw changedMeanwhile("copy", copy.after.name);
      },
    };
  },
};

/** See `BesideChange.handsOver`: what becomes of values is told by none where SQLite has no column that works all of it out. */
function handedOf(copy: Copy): ReadonlyMap<string, string> | null {
  const { before, after, values } = copy;
  if (before.columns.some(({ name }) => foldName(name) === handedKey)) return null;
  const filled = after.columns.filter(({ name }) => values.has(foldName(name)));
  const old = before.columns.filter(({ generated }) => generated === null);
  const results = filled.flatMap(({ name: column }, place): readonly HandedResult[] => {
    const origin = old[place]?.name;
    return origin === undefined
      ? []
      : [{ origin, column, was: wasColumn(place), became: becameColumn(place) }];
  });
  const isTold = oldTexts(copy, { name: mirrorName(0), results }) !== null;
  return new Map(
    isTold ? filled.map((column) => [foldName(column.name), affinityIn(after, column)]) : [],
  );
}

/** What a column makes of values. One of a strict table that takes any makes nothing of them. */
function affinityIn({ isStrict }: TableForm, { type }: ColumnForm): string {
  return isStrict && type.toUpperCase() === "ANY" ? "blob" : affinityOf(type);
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
