-- Second
-- Turns what things.c holds into integer: '007' becomes 7.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- Fails while things.c holds what does not fit integer.
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text,
	`c` integer
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "c") SELECT "id", "name", "c" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
