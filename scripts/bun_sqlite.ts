import { DatabaseSync as NodeDatabase } from "node:sqlite";

/**
 * What takes the place of `node:sqlite` in the binary. `close()` of Bun 1.4.3 leaves the file open as long as a prepared
 * statement waits for the garbage collector: its locks and its WAL stay, too, and another file cannot take its place safely.
 * Bun 1.4.4 closes it, and is 17 MiB larger.
 */
export { backup, StatementSync } from "node:sqlite";

declare const Bun: {
  /** Collects garbage at once. */
  gc(isSynchronous: true): void;
};

/** Any bytes do: nothing reads them. */
const nothing = new Uint8Array(512);

export class DatabaseSync extends NodeDatabase {
  override close(): void {
    const hasLetGo = this.isOpen && letGo(this);
    super.close();
    if (!hasLetGo) Bun.gc(true);
  }
}

/**
 * Has SQLite take a database in memory in the file's place, by which it closes that, whatever statements there are. It does
 * not in a transaction, nor where it cannot read the schema: the file is damaged, or locked.
 */
function letGo(database: DatabaseSync): boolean {
  try {
    if (database.isTransaction) database.exec("ROLLBACK");
    // Nobody waits for a file that is not wanted any more.
    database.exec("PRAGMA busy_timeout = 0");
    database.deserialize(nothing);
    return true;
  } catch {
    return false;
  }
}
