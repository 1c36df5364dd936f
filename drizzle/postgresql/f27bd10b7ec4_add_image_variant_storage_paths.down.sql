-- Add image variant storage paths
-- Drops files.thumb_path and files.medium_path with what they hold.
-- Only a backup brings that back.
ALTER TABLE "files" DROP COLUMN "thumb_path";--> statement-breakpoint
ALTER TABLE "files" DROP COLUMN "medium_path";
