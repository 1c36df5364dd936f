-- Second
-- Drops things.old with what it holds.
-- Only a backup brings that back.
ALTER TABLE `things` ADD `c` text;--> statement-breakpoint
ALTER TABLE `things` DROP COLUMN `old`;
