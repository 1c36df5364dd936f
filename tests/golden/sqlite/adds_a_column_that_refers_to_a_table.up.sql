-- Second
ALTER TABLE `things` ADD `c` INTEGER REFERENCES `owners`(`id`);--> statement-breakpoint
CREATE INDEX `ix_things_c` ON `things` (`c`);
