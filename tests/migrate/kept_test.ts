import assert from "node:assert/strict";
import { readKept } from "../../src/engines/kept_table.ts";
import { eachEngine, type Given } from "../support/each_engine.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { migrate } from "../../src/migrate/migrate.ts";

function go({ database }: Given, direction: "upgrade" | "downgrade", text: string) {
  return migrate(contextOf(database), { goal: { direction, text }, lockWaitMs: 0 });
}

/** Rows as an application of head writes them: three files, of which two lie in R2. */
async function fill({ engine, url }: Given): Promise<void> {
  const now = "'2026-01-02 03:04:05'";
  const run = (statement: string) => engine.query(url, statement);
  await run(
    `INSERT INTO users (id, uuid, email, password_hash, created_at, last_login) VALUES (1, 'u1', 'a@example.org', 'x', ${now}, ${now}), (2, 'u2', 'b@example.org', 'x', NULL, NULL)`,
  );
  await run(
    `INSERT INTO collections (id, uuid, name, created_at, user_id, updated_at) VALUES (1, 'c1', 'one', ${now}, 1, ${now})`,
  );
  const file = (id: number, backend: string, metadata: string) =>
    `(${id}, 'f${id}', 'n', 'n', 'm', 1, 'p', ${now}, 1, '${backend}', ${metadata}, 'thumb${id}')`;
  await run(
    `INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id, storage_backend, metadata_json, thumb_path) VALUES ${
      [file(1, "local", "NULL"), file(2, "r2", "'{\"a\": 1}'"), file(3, "r2", "NULL"), file(4, "r2", "NULL")]
        .join(", ")
    }`,
  );
}

const all = "SELECT * FROM files ORDER BY id";

eachEngine("what an application wrote outlives the way down and up again", async (given) => {
  const { database, engine, url } = given;
  await go(given, "upgrade", "head");
  await fill(given);
  const before = await engine.query(url, all);
  const users = await engine.query(url, "SELECT * FROM users ORDER BY id");
  const down = await go(given, "downgrade", "71dda59686db");
  const kept = down.steps.flatMap(({ kept }) =>
    kept.map(({ table, columns, rows }) => `${table}.${columns.join()} ${rows}`)
  );
  assert.deepEqual(kept.toSorted(), [
    "collections.updated_at 1",
    "files.storage_backend,metadata_json 3",
    "files.thumb_path,medium_path 4",
    "users.created_at 1",
    "users.last_login 1",
  ]);
  // The application of then deletes one file and adds another one.
  await engine.query(url, "DELETE FROM files WHERE id = 4");
  await engine.query(
    url,
    "INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES (4, 'f5', 'n', 'n', 'm', 1, 'p', '2026-01-02 03:04:05', 1)",
  );
  await go(given, "upgrade", "head");
  const after = await engine.query(url, all);
  assert.deepEqual(after.slice(0, 3), before.slice(0, 3));
  assert.deepEqual(await engine.query(url, "SELECT * FROM users ORDER BY id"), users);
  assert.equal(after[3]!["storage_backend"], "local");
  assert.deepEqual(await readKept(database), []);
});
