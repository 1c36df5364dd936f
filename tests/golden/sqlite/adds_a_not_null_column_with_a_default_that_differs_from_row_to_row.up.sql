-- Second
ALTER TABLE `things` ADD `c` VARCHAR(36);--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`c` VARCHAR(36) DEFAULT (lower(hex(randomblob(16)))) NOT NULL
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "c") SELECT "id", "name", coalesce("c", (lower(hex(randomblob(16))))) FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
