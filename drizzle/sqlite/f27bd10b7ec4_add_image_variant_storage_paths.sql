-- Add image variant storage paths
ALTER TABLE `files` ADD `thumb_path` VARCHAR(500);--> statement-breakpoint
ALTER TABLE `files` ADD `medium_path` VARCHAR(500);
