-- Second
DROP INDEX `ix_things_c`;--> statement-breakpoint
CREATE INDEX `ix_things_c` ON `things` (`c`);
