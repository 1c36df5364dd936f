-- Second
-- Leaves '' in owners.name where it was NULL.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`c` TEXT
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "c") SELECT "id", "c" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;--> statement-breakpoint
-- SQLite cannot change this in place: owners is copied, and nobody writes meanwhile.
CREATE TABLE `__new_owners` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` TEXT
);--> statement-breakpoint
INSERT INTO `__new_owners`("id", "name") SELECT "id", "name" FROM `owners`;--> statement-breakpoint
DROP TABLE `owners`;--> statement-breakpoint
ALTER TABLE `__new_owners` RENAME TO `owners`;
