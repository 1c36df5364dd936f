import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../databases.ts";

/** The application's revisions, as its own Alembic set-up knew them. */
export const initial = "71dda59686db";
export const storageFields = "5b09ebe23c76";

/**
 * Adds rows as the application writes them to a database at `71dda59686db` or later: a user, a collection and as
 * many files.
 */
export async function addFiles(engine: Engine, url: string, count: number): Promise<void> {
  const isActive = engine.dialect === "sqlite" ? "1" : "true";
  const now = "'2025-09-25 13:06:54.566933'";
  await engine.query(
    url,
    `INSERT INTO users (uuid, email, password_hash, is_active, created_at) VALUES ('u-1', 'köchin@example.org', 'scrypt:x', ${isActive}, ${now})`,
  );
  await engine.query(
    url,
    `INSERT INTO collections (uuid, name, created_at, user_id) VALUES ('c-1', 'Sommer an der Küste 🌊', ${now}, 1)`,
  );
  await engine.query(
    url,
    `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
SELECT 'f-' || i, i || '.jpg', 'IMG ' || i || '.JPG', 'image/jpeg', i * 1000, 'uploads/c-1/' || i || '.jpg', ${now}, 1 FROM n`,
  );
}

/** Puts a database that harbor-db made back into Alembic's hands, as if `alembic upgrade <revision>` had made it. */
export async function handToAlembic(engine: Engine, url: string, revision: string): Promise<void> {
  for (const table of ["harbor_version", "harbor_backfill", "harbor_identity", "harbor_lock"]) {
    await engine.query(url, `DROP TABLE IF EXISTS ${table}`);
  }
  await engine.query(
    url,
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
  );
  await engine.query(url, `INSERT INTO alembic_version VALUES ('${revision}')`);
}

/** Returns one value that a query yields, as text. */
export async function valueOf(engine: Engine, url: string, statement: string): Promise<string> {
  const [row] = await engine.query(url, statement);
  return String(Object.values(row ?? {})[0]);
}

/** Repeats what a busy database turned away, as an application does; anything else fails. */
export async function whenFree<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 25 || !/SQLITE_BUSY|database is locked/.test(String(error))) throw error;
    }
    await sleep(20);
  }
}
