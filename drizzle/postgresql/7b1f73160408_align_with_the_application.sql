-- Align with the application
ALTER TABLE "users" ADD COLUMN "last_login" timestamp;--> statement-breakpoint
ALTER TABLE "collections" ADD COLUMN "updated_at" timestamp;--> statement-breakpoint
ALTER TABLE "users" ALTER COLUMN "uuid" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
ALTER TABLE "users" ALTER COLUMN "created_at" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "collections" ALTER COLUMN "name" SET DATA TYPE varchar(255);--> statement-breakpoint
ALTER TABLE "collections" ALTER COLUMN "created_at" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "created_at" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "storage_backend" SET DEFAULT 'local';--> statement-breakpoint
-- For new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "files" ADD CONSTRAINT "files_storage_backend_check" CHECK ("storage_backend" IN ('local', 'r2')) NOT VALID;--> statement-breakpoint
-- Row by row, in batches, while others write.
-- harbor:backfill table=files key=id
UPDATE "files" SET "storage_backend" = 'local' WHERE "storage_backend" IS NULL;--> statement-breakpoint
-- So that SET NOT NULL on files.storage_backend below does not read the whole table.
ALTER TABLE "files" ADD CONSTRAINT "files_storage_backend_not_null" CHECK ("storage_backend" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- What the application wrote until the constraint stood.
-- harbor:backfill table=files key=id
UPDATE "files" SET "storage_backend" = 'local' WHERE "storage_backend" IS NULL;--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "ix_users_uuid_new" ON "users" ("uuid");--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "ix_users_email_new" ON "users" ("email");--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "ix_collections_uuid_new" ON "collections" ("uuid");--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "ix_files_uuid_new" ON "files" ("uuid");--> statement-breakpoint
-- harbor:alone
ALTER TABLE "files" VALIDATE CONSTRAINT "files_storage_backend_not_null";--> statement-breakpoint
-- harbor:alone
ALTER TABLE "files" VALIDATE CONSTRAINT "files_storage_backend_check";--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "storage_backend" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "files" DROP CONSTRAINT "files_storage_backend_not_null";--> statement-breakpoint
DROP INDEX "ix_users_uuid";--> statement-breakpoint
ALTER INDEX "ix_users_uuid_new" RENAME TO "ix_users_uuid";--> statement-breakpoint
DROP INDEX "ix_users_email";--> statement-breakpoint
ALTER INDEX "ix_users_email_new" RENAME TO "ix_users_email";--> statement-breakpoint
DROP INDEX "ix_collections_uuid";--> statement-breakpoint
ALTER INDEX "ix_collections_uuid_new" RENAME TO "ix_collections_uuid";--> statement-breakpoint
DROP INDEX "ix_files_uuid";--> statement-breakpoint
ALTER INDEX "ix_files_uuid_new" RENAME TO "ix_files_uuid";
