-- Second
DROP INDEX `things_c_index`;--> statement-breakpoint
CREATE UNIQUE INDEX `things_c_index` ON `things` (`c`);
