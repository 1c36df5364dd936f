/**
 * A process of its own that kills itself while it has a SQLite file open. Arguments: the file, and `journal` (in the
 * middle of a transaction that has reached the disk) or `wal` (after a commit that only the `-wal` holds).
 */
import process from "node:process";
import { DatabaseSync } from "node:sqlite";

const [path = "", how] = process.argv.slice(2);
const database = new DatabaseSync(path);
if (how === "wal") {
  database.exec("PRAGMA journal_mode = WAL; INSERT INTO t VALUES (2, NULL)");
} else {
  // So small a cache makes SQLite write pages to the file before the commit.
  database.exec("PRAGMA cache_size = 5; BEGIN; UPDATE t SET n = n + 1, filler = randomblob(500)");
}
process.kill(process.pid, "SIGKILL");
