/**
 * An application that writes to `files` all the time, in every way that a table can be changed, and does the same to `twin` in
 * the same transaction, which no revision touches. Arguments: the file, a seed, and `own` for the table of {@link ownHistory}.
 */
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../../tests/support/seeded.ts";

const [path = "", seed = "1", kind = ""] = process.argv.slice(2);
/** The columns that it writes, beside id and uuid: those of the application's files, or of a table of our own. */
const of = kind === "own" ? { name: "name", columns: "name, size, kind", values: "?, ?, 'w'" } : {
  name: "filename",
  columns: "filename, size, original_filename, mime_type, storage_path, created_at, collection_id",
  values:
    "?, ?, 'o', 'image/jpeg', 'uploads/w.jpg', '2025-09-25 13:06:54.566933', (SELECT min(id) FROM collections)",
};
const random = seeded(Number(seed));
const database = new DatabaseSync(path, { timeout: 60_000 });
database.exec("PRAGMA synchronous = NORMAL");

/** So many of the first rows are changed; those behind them are as they were. */
const touched = 15_000;

let isAsked = false;
process.stdin.on("data", () => isAsked = true).on("end", () => isAsked = true);
process.stdout.write("writing\n");
while (!isAsked) {
  database.exec("BEGIN IMMEDIATE");
  change();
  database.exec("COMMIT");
  await sleep(random.below(4));
}
database.close();
process.exit(0);

function change(): void {
  const { next } = database.prepare("SELECT max(id) + 1 AS next FROM files").get() as { next: number };
  // Rows that came meanwhile are changed as often as those that were there.
  const id = random.below(3) > 0 ? 1 + random.below(touched) : Math.max(20_001, next - 1 - random.below(200));
  const uuid = `w-${seed}-${next}-${random.below(1_000_000_000)}`;
  const words = [`n${random.below(1_000)}`, random.below(1_000_000)] as const;
  switch (random.below(kind === "own" ? 8 : 7)) {
    case 0:
      return both(`INSERT INTO files (id, uuid, ${of.columns}) VALUES (?, ?, ${of.values})`, [
        next,
        uuid,
        ...words,
      ]);
    case 1:
      return both(`INSERT OR REPLACE INTO files (id, uuid, ${of.columns}) VALUES (?, ?, ${of.values})`, [
        id,
        uuid,
        ...words,
      ]);
    case 2:
      return both(
        `INSERT INTO files (id, uuid, ${of.columns}) VALUES (?, ?, ${of.values}) ON CONFLICT (id) DO UPDATE SET ${of.name} = excluded.${of.name}, size = excluded.size`,
        [id, uuid, ...words],
      );
    case 3:
      return both("UPDATE files SET id = ? WHERE id = ?", [next, id]);
    case 4:
      return both("DELETE FROM files WHERE id = ?", [id]);
    case 5:
    case 6:
      return both(`UPDATE files SET ${of.name} = ?, size = ? WHERE id = ?`, [...words, id]);
    default: {
      // Two rows go for one: the one of the id, and the one of the uuid.
      const row = database.prepare("SELECT uuid FROM files WHERE id = ?").get(1 + random.below(touched));
      return both(`INSERT OR REPLACE INTO files (id, uuid, ${of.columns}) VALUES (?, ?, ${of.values})`, [
        id,
        String(row?.["uuid"] ?? uuid),
        ...words,
      ]);
    }
  }
}

function both(statement: string, values: readonly (string | number)[]): void {
  for (const table of ["files", "twin"]) {
    database.prepare(statement.replaceAll(/\bfiles\b/g, table)).run(...values);
  }
}
