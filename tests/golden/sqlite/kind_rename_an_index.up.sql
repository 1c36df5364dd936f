-- Second
DROP INDEX `things_old`;--> statement-breakpoint
CREATE INDEX `things_new` ON `things` (`c`);
