-- Second
-- Drops things.c with what it holds.
-- Only a backup brings that back.
DROP INDEX `ix_things_c`;--> statement-breakpoint
ALTER TABLE `things` DROP COLUMN `c`;
