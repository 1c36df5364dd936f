-- Second
-- Drops owners.gone with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `things` ADD `d` text;--> statement-breakpoint
-- SQLite cannot change this in place: owners is copied, and nobody writes meanwhile.
CREATE TABLE `__new_owners` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text NOT NULL
);--> statement-breakpoint
INSERT INTO `__new_owners`("id", "name") SELECT "id", coalesce("name", '') FROM `owners`;--> statement-breakpoint
DROP TABLE `owners`;--> statement-breakpoint
ALTER TABLE `__new_owners` RENAME TO `owners`;--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` integer PRIMARY KEY NOT NULL,
	`c` text DEFAULT 'x',
	`d` text
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "c", "d") SELECT "id", "c", "d" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
