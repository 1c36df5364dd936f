-- Second
ALTER TABLE `things` RENAME TO `items`;--> statement-breakpoint
DROP INDEX `ix_things_name`;--> statement-breakpoint
CREATE INDEX `ix_items_name` ON `items` (`name`);
