-- Add image variant storage paths
ALTER TABLE "files" ADD COLUMN "thumb_path" varchar(500);--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "medium_path" varchar(500);
