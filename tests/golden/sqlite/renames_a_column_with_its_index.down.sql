-- Second
ALTER TABLE `things` RENAME COLUMN `c` TO `old`;--> statement-breakpoint
DROP INDEX `ix_things_c`;--> statement-breakpoint
CREATE INDEX `ix_things_old` ON `things` (`old`);
