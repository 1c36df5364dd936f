-- Add R2 storage fields
-- Forgets which files lie in R2 and the metadata of their uploads: upgrading again calls every file local.
-- Only a backup brings that back.
DROP INDEX "ix_files_storage_backend";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "storage_backend";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "metadata_json";
