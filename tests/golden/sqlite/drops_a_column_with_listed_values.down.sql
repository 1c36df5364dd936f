-- Second
-- Brings back things.c without what it held: rows get 'a'.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `things` ADD `c` TEXT;--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`c` TEXT NOT NULL,
	CONSTRAINT "things_c_check" CHECK("c" IN ('a', 'b'))
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "c") SELECT "id", "name", coalesce("c", 'a') FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
