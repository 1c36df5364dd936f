-- Second
-- Drops things.a, things.b, things.c, things.d and things.e with what they hold.
-- Brings back things.old without what it held.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `things` ADD `old` TEXT;--> statement-breakpoint
DROP INDEX `ix_things_d`;--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`old` TEXT
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "old") SELECT "id", "name", "old" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;--> statement-breakpoint
CREATE INDEX `ix_things_old` ON `things` (`old`);
