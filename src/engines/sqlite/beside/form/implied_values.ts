import { DatabaseSync } from "node:sqlite";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import type { TableForm } from "./table.ts";

/**
 * Returns what each stored column of a row is, as a literal, that was written before the column was added: SQLite
 * leaves such a row as it is, and takes the default that the table's text says. A generated column is left out.
 *
 * A row of one field is given to a table of that text, so that it is SQLite that says.
 *
 * Source: https://www.sqlite.org/fileformat2.html#record_format
 */
export function impliedValues({ name, sql, columns }: TableForm): ReadonlyMap<string, string> {
  const handle = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  try {
    handle.enableDefensive(false);
    const row = "harbor_beside_row";
    handle.exec(`CREATE TABLE ${row} (a); INSERT INTO ${row} VALUES (NULL)`);
    handle.exec(sql);
    handle.exec("PRAGMA writable_schema = ON");
    handle.exec(
      `UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = '${row}') WHERE name = ${
        quoteText(name)
      } AND type = 'table'`,
    );
    handle.exec("PRAGMA writable_schema = RESET");
    const stored = columns.filter(({ generated }) => generated === null);
    const values = stored.map((column) => `quote(${quoteName(column.name)}) AS ${quoteName(column.name)}`);
    const [found] = handle.prepare(`SELECT ${values.join(", ")} FROM ${quoteName(name)} NOT INDEXED`).all();
    return new Map(stored.map((column) => [column.name, String(found?.[column.name])]));
  } finally {
    handle.close();
  }
}
