import type { Dialect } from "../../../src/base/dialect.ts";
import assert from "node:assert/strict";
import type { Engine, EngineRow } from "../databases.ts";

/** What the application's models map, in their order: what `create_all` would make, and every SELECT names. */
const mapped = {
  users: ["id", "email", "password_hash", "is_active", "created_at", "last_login"],
  collections: [
    "id",
    "uuid",
    "name",
    "description",
    "privacy",
    "password_hash",
    "expires_at",
    "created_at",
    "updated_at",
    "user_id",
  ],
  files: [
    "id",
    "uuid",
    "filename",
    "original_filename",
    "mime_type",
    "size",
    "storage_path",
    "thumb_path",
    "medium_path",
    "thumbnail_path",
    "upload_complete",
    "storage_backend",
    "metadata_json",
    "created_at",
    "collection_id",
  ],
} as const;
type Table = keyof typeof mapped;

const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const booleans: Readonly<Record<Dialect, { readonly true: string; readonly false: string }>> = {
  sqlite: { true: "1", false: "0" },
  postgresql: { true: "true", false: "false" },
};
/** Catalogues in which `create_all` looks for its tables. */
const catalogues: Readonly<Record<Dialect, string>> = {
  sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'",
  postgresql: "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid)",
};

/**
 * Does with a database what the unmodified application does, in the SQL that SQLAlchemy sends: looks for its tables,
 * reads all that is there, signs somebody up and in, uploads to both backends, and deletes it all again one by one.
 */
export async function useApplication(engine: Engine, url: string): Promise<void> {
  const query = (statement: string) => engine.queryUnchecked(url, statement);
  const truth = booleans[engine.dialect];
  const now = "'2026-01-02 03:04:05.000600'";

  const tables = (await query(catalogues[engine.dialect])).map((row) => row["name"]);
  for (const table of Object.keys(mapped)) {
    assert.ok(tables.includes(table), `create_all would make ${table}`);
  }
  const before = new Map<Table, readonly EngineRow[]>();
  for (const table of Object.keys(mapped) as Table[]) before.set(table, await query(select(table)));

  const userId = await insert("users", {
    email: "'nova@example.org'",
    password_hash: "'scrypt:32768:8:1$x$y'",
    is_active: truth.true,
    created_at: now,
    last_login: "NULL",
  });
  const [user] = await query(`SELECT uuid, is_active FROM users WHERE email = 'nova@example.org'`);
  assert.match(String(user?.["uuid"]), uuid4);
  assert.ok([1, true].includes(user?.["is_active"] as number | boolean));
  await query(`UPDATE users SET last_login = ${now} WHERE users.id = ${userId}`);

  const collectionId = await insert("collections", {
    uuid: "'11111111-2222-4333-8444-555555555555'",
    name: `'${"n".repeat(255)}'`,
    description: "NULL",
    privacy: "'private'",
    password_hash: "NULL",
    expires_at: "NULL",
    created_at: now,
    updated_at: now,
    user_id: userId,
  });
  const fileIds = [];
  for (const [place, backend] of ["local", "r2"].entries()) {
    fileIds.push(
      await insert("files", {
        uuid: `'0000000${place}-2222-4333-8444-555555555555'`,
        filename: "'f.jpg'",
        original_filename: "'IMG 1.JPG'",
        mime_type: "'image/jpeg'",
        size: "123456",
        storage_path: backend === "r2" ? "'collections/c/IMG 1.JPG'" : "'uploads/c/f.jpg'",
        thumb_path: "NULL",
        medium_path: "NULL",
        thumbnail_path: "NULL",
        upload_complete: truth.true,
        storage_backend: `'${backend}'`,
        metadata_json: backend === "r2" ? `'{"upload_method": "multipart", "parts_count": 2}'` : "NULL",
        created_at: now,
        collection_id: collectionId,
      }),
    );
  }
  const [file] = await query(`${select("files")} WHERE files.id = ${fileIds[1]}`);
  assert.equal(file?.["metadata_json"], `{"upload_method": "multipart", "parts_count": 2}`);
  if (engine.dialect === "sqlite") assert.equal(file?.["created_at"], "2026-01-02 03:04:05.000600");
  await query(`UPDATE files SET thumb_path = 'thumbs/1.jpg' WHERE files.id = ${fileIds[0]}`);

  for (const id of fileIds) await query(`DELETE FROM files WHERE files.id = ${id}`);
  await query(`DELETE FROM collections WHERE collections.id = ${collectionId}`);
  await query(`DELETE FROM users WHERE users.id = ${userId}`);
  for (const [table, rows] of before) assert.deepEqual(await query(select(table)), rows);

  function select(table: Table): string {
    return `SELECT ${
      mapped[table].map((column) => `${table}.${column} AS ${column}`).join(", ")
    } FROM ${table}`;
  }

  /** Names every mapped column but the key, so that no default of the database fires for them. */
  async function insert(table: Table, values: Readonly<Record<string, string | number>>): Promise<number> {
    const names = mapped[table].filter((column) => column !== "id");
    assert.deepEqual(Object.keys(values), names);
    const [highest] = await query(`SELECT coalesce(max(id), 0) AS id FROM ${table}`);
    const list = Object.values(values).join(", ");
    const [row] = await query(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${list}) RETURNING id`);
    assert.ok(Number(row?.["id"]) > Number(highest?.["id"]), "the database makes a new key");
    return Number(row?.["id"]);
  }
}
