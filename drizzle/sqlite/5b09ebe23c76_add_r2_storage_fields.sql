-- Add R2 storage fields
ALTER TABLE `files` ADD `storage_backend` VARCHAR(20);--> statement-breakpoint
ALTER TABLE `files` ADD `metadata_json` TEXT;--> statement-breakpoint
-- Before the backfill: an index on a column that is still all NULL is the fastest to build.
CREATE INDEX `ix_files_storage_backend` ON `files` (`storage_backend`);--> statement-breakpoint
-- harbor:backfill table=files key=id
UPDATE "files" SET "storage_backend" = 'local' WHERE "storage_backend" IS NULL;
