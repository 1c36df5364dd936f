-- Second
-- Drops things.c with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name") SELECT "id", "name" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
