-- Second
DROP INDEX `things_c_index`;--> statement-breakpoint
CREATE INDEX `things_c_index` ON `things` (`c`);
