-- Second
-- Does not give back what things.c held: '2024-01-02T03:04:05Z' becomes 2024-01-02 03:04:05.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`c` TEXT
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "c") SELECT "id", "name", "c" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
