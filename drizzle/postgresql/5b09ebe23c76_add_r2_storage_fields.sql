-- Add R2 storage fields
-- The default fills the rows that exist without touching them; new rows get theirs from the application.
ALTER TABLE "files" ADD COLUMN "storage_backend" varchar(20) DEFAULT 'local';--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "storage_backend" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "metadata_json" text;--> statement-breakpoint
-- harbor:concurrently
CREATE INDEX "ix_files_storage_backend" ON "files" ("storage_backend");--> statement-breakpoint
-- harbor:backfill table=files key=id
UPDATE "files" SET "storage_backend" = 'local' WHERE "storage_backend" IS NULL;
