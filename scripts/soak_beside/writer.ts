/**
 * An application that writes to `files` all the time, in every way that a table can be changed, and does the same to `twin` in
 * the same transaction, which no revision touches. Arguments: the dialect, the database's URL, a seed, and `own` for the table of
 * {@link ownCase}.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../../tests/support/seeded.ts";
import { files, touched } from "./rows.ts";
import { openSession, type Value } from "./session.ts";

const [dialect = "", url = "", seed = "1", kind = ""] = process.argv.slice(2);
/** The columns that it writes, beside id and uuid: those of the application's files, or of a table of our own. */
const of = kind === "own" ? { name: "name", columns: "name, size, kind", values: "?, ?, 'w'" } : {
  name: "filename",
  columns: "filename, size, original_filename, mime_type, storage_path, created_at, collection_id",
  values:
    "?, ?, 'o', 'image/jpeg', 'uploads/w.jpg', '2025-09-25 13:06:54.566933', (SELECT min(id) FROM collections)",
};
const random = seeded(Number(seed));
const session = openSession(dialect, url);
const insert = `INSERT INTO files (id, uuid, ${of.columns}) VALUES (?, ?, ${of.values})`;

let isAsked = false;
process.stdin.on("data", () => isAsked = true).on("end", () => isAsked = true);
process.stdout.write("writing\n");
while (!isAsked) {
  await session.run(session.begins, []);
  await change();
  await session.run("COMMIT", []);
  await sleep(random.below(4));
}
await session.close();
process.exit(0);

async function change(): Promise<void> {
  const [{ next } = { next: 1 }] = await session.run("SELECT max(id) + 1 AS next FROM twin", []) as {
    next: number;
  }[];
  // Rows that came meanwhile are changed as often as those that were there.
  const id = random.below(3) > 0
    ? 1 + random.below(touched)
    : Math.max(files + 1, next - 1 - random.below(200));
  const uuid = `w-${seed}-${next}-${random.below(1_000_000_000)}`;
  const words = [`n${random.below(1_000)}`, random.below(1_000_000)] as const;
  switch (random.below(kind === "own" ? 8 : 7)) {
    case 0:
      return await both(insert, [next, uuid, ...words]);
    case 1:
      return await replace(id, uuid, words);
    case 2:
      return await both(
        `${insert} ON CONFLICT (id) DO UPDATE SET ${of.name} = excluded.${of.name}, size = excluded.size`,
        [id, uuid, ...words],
      );
    case 3:
      return await both("UPDATE files SET id = ? WHERE id = ?", [next, id]);
    case 4:
      return await both("DELETE FROM files WHERE id = ?", [id]);
    case 5:
    case 6:
      return await both(`UPDATE files SET ${of.name} = ?, size = ? WHERE id = ?`, [...words, id]);
    default: {
      // Two rows go for one: the one of the id, and the one of the uuid.
      const [row] = await session.run("SELECT uuid FROM twin WHERE id = ?", [1 + random.below(touched)]);
      return await replace(id, String(row?.["uuid"] ?? uuid), words);
    }
  }
}

async function replace(id: number, uuid: string, words: readonly Value[]): Promise<void> {
  if (session.hasReplace) {
    return await both(insert.replace("INSERT", "INSERT OR REPLACE"), [id, uuid, ...words]);
  }
  await both("DELETE FROM files WHERE id = ? OR uuid = ?", [id, uuid]);
  await both(insert, [id, uuid, ...words]);
}

async function both(statement: string, values: readonly Value[]): Promise<void> {
  for (const table of ["files", "twin"]) {
    await session.run(statement.replaceAll(/\bfiles\b/g, table), values);
  }
}
