-- Second
-- Fails while things.c holds anything but 'x', 'row 1'.
-- SQLite cannot change this in place: owners is copied, and nobody writes meanwhile.
CREATE TABLE `__new_owners` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` TEXT NOT NULL
);--> statement-breakpoint
INSERT INTO `__new_owners`("id", "name") SELECT "id", coalesce("name", '') FROM `owners`;--> statement-breakpoint
DROP TABLE `owners`;--> statement-breakpoint
ALTER TABLE `__new_owners` RENAME TO `owners`;--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`c` TEXT DEFAULT 'x',
	CONSTRAINT "things_c_check" CHECK("c" IN ('x', 'row 1'))
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "c") SELECT "id", "c" FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
