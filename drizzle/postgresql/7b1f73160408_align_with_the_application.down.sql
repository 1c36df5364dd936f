-- Align with the application
-- Drops users.last_login and collections.updated_at with what they hold.
-- Leaves 'local' in files.storage_backend where it was NULL.
-- Puts '1970-01-01 00:00:00' into users.created_at, collections.created_at and files.created_at where it is NULL.
-- Fails while collections.name holds what does not fit varchar(100).
-- Only a backup brings that back.
ALTER TABLE "files" DROP CONSTRAINT "files_storage_backend_check";--> statement-breakpoint
ALTER TABLE "users" ALTER COLUMN "uuid" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "collections" ALTER COLUMN "name" SET DATA TYPE varchar(100);--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "storage_backend" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "storage_backend" DROP NOT NULL;--> statement-breakpoint
-- Row by row, in batches, while others write.
-- harbor:backfill table=users key=id
UPDATE "users" SET "created_at" = '1970-01-01 00:00:00' WHERE "created_at" IS NULL;--> statement-breakpoint
-- Row by row, in batches, while others write.
-- harbor:backfill table=collections key=id
UPDATE "collections" SET "created_at" = '1970-01-01 00:00:00' WHERE "created_at" IS NULL;--> statement-breakpoint
-- Row by row, in batches, while others write.
-- harbor:backfill table=files key=id
UPDATE "files" SET "created_at" = '1970-01-01 00:00:00' WHERE "created_at" IS NULL;--> statement-breakpoint
-- So that SET NOT NULL on users.created_at below does not read the whole table.
ALTER TABLE "users" ADD CONSTRAINT "users_created_at_not_null" CHECK ("created_at" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- So that SET NOT NULL on collections.created_at below does not read the whole table.
ALTER TABLE "collections" ADD CONSTRAINT "collections_created_at_not_null" CHECK ("created_at" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- So that SET NOT NULL on files.created_at below does not read the whole table.
ALTER TABLE "files" ADD CONSTRAINT "files_created_at_not_null" CHECK ("created_at" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- What the application wrote until the constraint stood.
-- harbor:backfill table=users key=id
UPDATE "users" SET "created_at" = '1970-01-01 00:00:00' WHERE "created_at" IS NULL;--> statement-breakpoint
-- What the application wrote until the constraint stood.
-- harbor:backfill table=collections key=id
UPDATE "collections" SET "created_at" = '1970-01-01 00:00:00' WHERE "created_at" IS NULL;--> statement-breakpoint
-- What the application wrote until the constraint stood.
-- harbor:backfill table=files key=id
UPDATE "files" SET "created_at" = '1970-01-01 00:00:00' WHERE "created_at" IS NULL;--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_users_uuid_new" ON "users" ("uuid");--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_users_email_new" ON "users" ("email");--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_collections_uuid_new" ON "collections" ("uuid");--> statement-breakpoint
-- Built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_files_uuid_new" ON "files" ("uuid");--> statement-breakpoint
-- harbor:alone
ALTER TABLE "users" VALIDATE CONSTRAINT "users_created_at_not_null";--> statement-breakpoint
-- harbor:alone
ALTER TABLE "collections" VALIDATE CONSTRAINT "collections_created_at_not_null";--> statement-breakpoint
-- harbor:alone
ALTER TABLE "files" VALIDATE CONSTRAINT "files_created_at_not_null";--> statement-breakpoint
ALTER TABLE "users" ALTER COLUMN "created_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "users" DROP CONSTRAINT "users_created_at_not_null";--> statement-breakpoint
ALTER TABLE "collections" ALTER COLUMN "created_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "collections" DROP CONSTRAINT "collections_created_at_not_null";--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "created_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "files" DROP CONSTRAINT "files_created_at_not_null";--> statement-breakpoint
DROP INDEX "ix_users_uuid";--> statement-breakpoint
ALTER INDEX "ix_users_uuid_new" RENAME TO "ix_users_uuid";--> statement-breakpoint
DROP INDEX "ix_users_email";--> statement-breakpoint
ALTER INDEX "ix_users_email_new" RENAME TO "ix_users_email";--> statement-breakpoint
DROP INDEX "ix_collections_uuid";--> statement-breakpoint
ALTER INDEX "ix_collections_uuid_new" RENAME TO "ix_collections_uuid";--> statement-breakpoint
DROP INDEX "ix_files_uuid";--> statement-breakpoint
ALTER INDEX "ix_files_uuid_new" RENAME TO "ix_files_uuid";--> statement-breakpoint
ALTER TABLE "users" DROP COLUMN "last_login";--> statement-breakpoint
ALTER TABLE "collections" DROP COLUMN "updated_at";
