-- Second
ALTER TABLE `items` RENAME TO `things`;--> statement-breakpoint
DROP INDEX `ix_items_name`;--> statement-breakpoint
CREATE INDEX `ix_things_name` ON `things` (`name`);
