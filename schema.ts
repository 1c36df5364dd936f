/**
 * The schema of The Open Harbor's database in ordinary Drizzle, said once: what is a `pgTable` here is a table of
 * SQLite, too. Change a table, then run `harbor-db generate "what changed"`. Every table that is exported is part of the
 * schema. docs/schema.md says what stands for what on SQLite.
 *
 * The tables hold what the application needs and what the databases that exist have: NULL is allowed wherever one of
 * them may have it, and a text is as long as in the most generous of them.
 */
import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  serial,
  text,
  timestamp,
  uniqueIndex,
  varchar,
} from "drizzle-orm/pg-core";

export const users = pgTable("users", {
  id: serial().primaryKey(),
  // A version 4 UUID, which the application leaves to the database.
  uuid: varchar({ length: 36 }).notNull().default(sql`gen_random_uuid()::text`),
  email: varchar({ length: 255 }).notNull(),
  password_hash: varchar({ length: 255 }).notNull(),
  is_active: boolean(),
  created_at: timestamp(),
  last_login: timestamp(),
}, (users) => [
  uniqueIndex("ix_users_uuid").on(users.uuid),
  uniqueIndex("ix_users_email").on(users.email),
]);

export const collections = pgTable("collections", {
  id: serial().primaryKey(),
  uuid: varchar({ length: 36 }).notNull(),
  name: varchar({ length: 255 }).notNull(),
  description: text(),
  privacy: varchar({ length: 20 }),
  password_hash: varchar({ length: 255 }),
  expires_at: timestamp(),
  created_at: timestamp(),
  user_id: integer().notNull(),
  updated_at: timestamp(),
}, (collections) => [
  uniqueIndex("ix_collections_uuid").on(collections.uuid),
  foreignKey({
    name: "collections_user_id_fkey",
    columns: [collections.user_id],
    foreignColumns: [users.id],
  }),
]);

export const files = pgTable("files", {
  id: serial().primaryKey(),
  uuid: varchar({ length: 36 }).notNull(),
  filename: varchar({ length: 255 }).notNull(),
  original_filename: varchar({ length: 255 }).notNull(),
  mime_type: varchar({ length: 100 }).notNull(),
  size: integer().notNull(),
  storage_path: varchar({ length: 500 }).notNull(),
  thumbnail_path: varchar({ length: 500 }),
  upload_complete: boolean(),
  created_at: timestamp(),
  collection_id: integer().notNull(),
  storage_backend: varchar({ length: 20, enum: ["local", "r2"] }).notNull().default("local"),
  metadata_json: text(),
  thumb_path: varchar({ length: 500 }),
  medium_path: varchar({ length: 500 }),
}, (files) => [
  uniqueIndex("ix_files_uuid").on(files.uuid),
  index("ix_files_storage_backend").on(files.storage_backend),
  foreignKey({
    name: "files_collection_id_fkey",
    columns: [files.collection_id],
    foreignColumns: [collections.id],
  }),
  check("files_storage_backend_check", sql`"storage_backend" IN ('local', 'r2')`),
]);
