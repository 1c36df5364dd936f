-- Second
ALTER TABLE `things` RENAME COLUMN `old` TO `c`;--> statement-breakpoint
DROP INDEX `ix_things_old`;--> statement-breakpoint
CREATE INDEX `ix_things_c` ON `things` (`c`);
