-- Second
-- Drops things.d with what it holds.
-- Brings back owners.gone without what it held.
-- Leaves '' in owners.name where it was NULL.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `owners` ADD `gone` text;--> statement-breakpoint
-- SQLite cannot change this in place: owners is copied, and nobody writes meanwhile.
CREATE TABLE `__new_owners` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text,
	`gone` text
);--> statement-breakpoint
INSERT INTO `__new_owners`("id", "name", "gone") SELECT "id", "name", "gone" FROM `owners`;--> statement-breakpoint
DROP TABLE `owners`;--> statement-breakpoint
ALTER TABLE `__new_owners` RENAME TO `owners`;--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` integer PRIMARY KEY NOT NULL,
	`c` text
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "c") SELECT "id", "c" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
