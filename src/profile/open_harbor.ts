import { sql } from "drizzle-orm";
import { judgeMetadata, longestMetadata } from "./metadata_shape.ts";
import type { Profile } from "./profile.ts";
import { pythonTimes } from "./python_times.ts";

/** The Open Harbor: users, collections and files, on disk or in R2, with Alembic's scripts before harbor-db's. */
export const openHarbor: Profile = {
  application: "The Open Harbor",
  firstRevision: "71dda59686db",
  isFromAlembic: true,
  // Columns are named as they stand in every dialect.
  rows: () => [
    {
      name: "storage_backend_missing",
      table: "files",
      columns: ["storage_backend"],
      isBroken: sql`storage_backend IS NULL`,
      words: "have no storage_backend, so the application does not know where they are",
      status: "fail",
      hint: "If they are local: UPDATE files SET storage_backend = 'local' WHERE storage_backend IS NULL",
    },
    {
      name: "storage_backend_unknown",
      table: "files",
      columns: ["storage_backend"],
      isBroken: sql`storage_backend NOT IN ('local', 'r2')`,
      words: "have a storage_backend other than 'local' and 'r2'",
      status: "fail",
      hint: "See which: SELECT id, storage_backend FROM files WHERE storage_backend NOT IN ('local', 'r2')",
    },
    {
      name: "storage_path_mismatch",
      table: "files",
      columns: ["storage_backend", "storage_path"],
      isBroken:
        sql`(storage_backend = 'local' AND substr(storage_path, 1, 8) <> 'uploads/') OR (storage_backend = 'r2' AND substr(storage_path, 1, 12) <> 'collections/')`,
      words:
        "have a storage_path of another backend: local files are in uploads/, those of r2 in collections/",
      status: "fail",
      hint: "See where the files really are, then correct storage_backend or storage_path.",
    },
    {
      name: "size_negative",
      table: "files",
      columns: ["size"],
      isBroken: sql`size < 0`,
      words: "have a negative size",
      status: "fail",
      hint: "Correct the sizes from the files themselves: SELECT id, storage_path FROM files WHERE size < 0",
    },
  ],
  readsOneForm: true,
  postgresForms: pythonTimes,
  texts: [{
    table: "files",
    column: "metadata_json",
    beside: "storage_backend",
    longest: longestMetadata,
    judge: judgeMetadata,
  }],
  unique: [
    { table: "users", column: "email" },
    { table: "users", column: "uuid" },
    { table: "collections", column: "uuid" },
    { table: "files", column: "uuid" },
  ],
};
