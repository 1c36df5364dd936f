import assert from "node:assert/strict";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { test } from "node:test";
import type { Database } from "../../../src/engines/database.ts";
import { findConflicts } from "../../../src/migrate/preflight/check_rows.ts";
import { demandsOf } from "../../../src/migrate/preflight/rules/row_demands.ts";
import { sqliteUrl, withFolder, withTestDatabase } from "../../support/databases.ts";
import { says } from "../../support/dying_database.ts";

test("one look at a table says that no row breaks what each column demands, and which one does is told of each", () =>
  withFolder((folder) =>
    withTestDatabase(sqliteUrl(join(folder, "items.db")), async (database) => {
      await database.write([
        sql.raw(
          "CREATE TABLE items (id INTEGER PRIMARY KEY, a VARCHAR(9), b VARCHAR(9), c VARCHAR(9))",
        ),
        sql.raw("INSERT INTO items VALUES (1, 'aaa', 'bbb', 'c'), (2, NULL, 'b', 'ccc')"),
      ]);
      const live = await database.introspect();
      const demandsWith = (type: string) => {
        const tables = live.tables.map((table) => ({
          ...table,
          columns: table.columns.map((column) =>
            column.name === "id" ? column : { ...column, type, notNull: column.name !== "a" }
          ),
        }));
        return demandsOf({ ...live, tables }, live);
      };
      let looks = 0;
      const counting: Database = {
        ...database,
        read: (query) => {
          if (says(query, "items")) looks++;
          return database.read(query);
        },
      };
      const find = async (type: string) => {
        looks = 0;
        const found = await findConflicts(
          { database: counting, signal: new AbortController().signal },
          demandsWith(type),
        );
        return found.map(({ columns, rows }) => `${columns.join()} ${rows}`);
      };
      assert.ok(demandsWith("VARCHAR(3)").length > 1);
      assert.deepEqual(await find("VARCHAR(3)"), []);
      assert.equal(looks, 1);
      assert.deepEqual(await find("VARCHAR(2)"), ["a 1", "b 1", "c 1"]);
      const asked = { database: counting, signal: AbortSignal.abort() };
      await assert.rejects(findConflicts(asked, demandsWith("VARCHAR(3)")), { code: "interrupted" });
    })
  ));
