-- Second
DROP INDEX `things_new`;--> statement-breakpoint
CREATE INDEX `things_old` ON `things` (`c`);
