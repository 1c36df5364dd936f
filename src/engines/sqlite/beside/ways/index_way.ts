import { sql } from "drizzle-orm";
import type { BesideTask } from "../../../beside.ts";
import { userStatement } from "../../../statement_names.ts";
import { compile } from "../../connection/statement.ts";
import { buildIndex } from "../mirror/build_index.ts";
import type { Way } from "./way.ts";
import { tableOf } from "../mirror/index_shadow.ts";
import { readTable, rowIdName } from "../form/table.ts";
import { isLarge } from "../form/whole_table.ts";

/** Builds indexes of large tables beside those who write to them. */
export const indexWay: Way = {
  find(statements, at) {
    const table = tableOf(statements[at]!);
    return table === null ? null : { count: 1, table };
  },
  plan({ place, table, statements: [statement = ""], before }) {
    if (!isLarge(place.file, table, place.largeRows)) return null;
    const form = readTable(before, table);
    if (form === null) return null;
    const plain = userStatement(sql.raw(statement));
    const runPlain = async ({ write, record }: BesideTask) => {
      await write([plain, ...record]);
    };
    return rowIdName(form) === null
      ? {
        way: "index",
        table,
        words: `its index is built in one transaction, since ${
          form.hasRowid ? "columns have all names of its row ids" : "it is WITHOUT ROWID"
        }: writers wait`,
        batches: (record) => [{ mode: "rows", statements: [plain, ...record] }],
        run: runPlain,
      }
      : {
        way: "index",
        table,
        words: "its index is built of a copy of its keys, in batches",
        batches: (record) => [{ mode: "rows", statements: [plain, ...record] }],
        run: async (task) => {
          const record = task.record.map(compile);
          const isMade = await buildIndex(place.file, { statement, index: 0, record }, task);
          if (!isMade) await runPlain(task);
        },
      };
  },
};
