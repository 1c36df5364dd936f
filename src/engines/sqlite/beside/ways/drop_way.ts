import { foldName } from "../../../../base/fold_name.ts";
import { sql } from "drizzle-orm";
import type { BesideTask } from "../../../beside.ts";
import { handedKey } from "../../../beside.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { userStatement } from "../../../statement_names.ts";
import type { BesideFile } from "../../database.ts";
import { compile, own } from "../../connection/statement.ts";
import { clearAway } from "../mirror/clear_away.ts";
import { readDroppedTable } from "../script/drops.ts";
import { rewriteSchema, setAside, textsAs, undefended } from "../mirror/exchange.ts";
import { type Replica, schemaQuery, type SchemaRow } from "../form/replica.ts";
import { readTable, rowIdName } from "../form/table.ts";
import { mirrorName } from "../mirror/mirror.ts";
import { createProgress, insertProgress, progressOf } from "../mirror/progress.ts";
import { changedMeanwhile, isLarge, isReferredTo } from "../form/whole_table.ts";
import type { Way } from "./way.ts";

/**
 * Drops a large table beside those who write to others. It goes from the schema in one short transaction, in which it gets
 * another name: nobody waits for its rows to be put aside, or for its pages to be taken back one by one.
 */
export const dropWay: Way = {
  find: readDroppedTable,
  plan({ place: { file, largeRows }, table, statements, before, after }) {
    const form = readTable(before, table);
    if (form === null || rowIdName(form) === null || isReferredTo(before, form.name)) return null;
    const elsewhere = rowsOf(before).filter((row) => row.table !== form.name);
    const isGone = JSON.stringify(elsewhere) === JSON.stringify(rowsOf(after));
    if (!isGone || textsAs(before, form.name, mirrorName(0)) === null) return null;
    if (!isLarge(file, form.name, largeRows)) return null;
    const plain = statements.map((text) => userStatement(sql.raw(text)));
    return {
      way: "shadow",
      table: form.name,
      words: "its rows go in batches, once it is out of the schema",
      handsOver: form.columns.some(({ name }) => foldName(name) === handedKey) ? null : new Map(),
      batches: (record) => [{ mode: "schema", statements: [...plain, ...record] }],
      run: async (task) => {
        await undefended(file, () => file.transact(() => drop(file, task, { name: form.name, before })));
        await clearAway(file, task);
      },
    };
  },
};

function drop(file: BesideFile, task: BesideTask, { name, before }: Going): void {
  const there = file.rows<SchemaRow>(schemaQuery).filter((row) => row.table === name);
  const seen = rowsOf(before).filter((row) => row.table === name);
  if (JSON.stringify(there) !== JSON.stringify(seen)) throw changedMeanwhile("drop", name);
  for (const statement of task.handOver?.statements ?? []) file.change(compile(statement));
  const oldName = task.handOver?.name ?? mirrorName(letGo(file, name));
  for (const row of there) {
    if (row.type === "trigger") file.change(own(`DROP TRIGGER ${quoteName(row.name)}`));
  }
  forget(file, name);
  rewriteSchema(file, () => setAside(file, { table: name, oldName, old: textsAs(before, name, oldName)! }));
  for (const statement of task.record) file.change(compile(statement));
}

interface Going {
  readonly name: string;
  readonly before: Replica;
}

/** Has what is let go of taken away in batches, and returns its number. */
function letGo(file: BesideFile, table: string): number {
  file.change(own(createProgress));
  const begun = {
    name: "drop",
    table,
    statement: "",
    phase: "empty",
    lastRow: null,
    endRow: null,
    seen: "",
  } as const;
  insertProgress(file, begun);
  return progressOf(file.rows).at(-1)!.id;
}

/** Takes away what SQLite itself notes of a table, as `DROP TABLE` does. */
function forget(file: BesideFile, name: string): void {
  const notes = { sqlite_sequence: "name", sqlite_stat1: "tbl", sqlite_stat4: "tbl" };
  for (const [table, column] of Object.entries(notes)) {
    const isThere =
      file.rows({ text: "SELECT 1 FROM sqlite_schema WHERE name = ?", values: [table] }).length > 0;
    if (isThere) file.change({ text: `DELETE FROM ${table} WHERE ${column} = ?`, values: [name] });
  }
}

function rowsOf({ rows }: Replica): readonly SchemaRow[] {
  return rows<SchemaRow>(schemaQuery.text);
}
