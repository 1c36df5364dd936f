-- Second
-- Drops things.old with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `things` ADD `a` TEXT;--> statement-breakpoint
ALTER TABLE `things` ADD `b` INTEGER REFERENCES `owners`(`id`);--> statement-breakpoint
ALTER TABLE `things` ADD `c` VARCHAR(9);--> statement-breakpoint
ALTER TABLE `things` ADD `d` TEXT;--> statement-breakpoint
ALTER TABLE `things` ADD `e` DATETIME;--> statement-breakpoint
DROP INDEX `ix_things_old`;--> statement-breakpoint
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`a` TEXT,
	`b` INTEGER,
	`c` VARCHAR(9) DEFAULT (lower(hex(randomblob(16)))) NOT NULL,
	`d` TEXT NOT NULL,
	`e` DATETIME DEFAULT (CURRENT_TIMESTAMP),
	FOREIGN KEY (`b`) REFERENCES `owners`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "things_c_check" CHECK("c" IN ('x'))
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "a", "b", "c", "d", "e") SELECT "id", "name", "a", "b", coalesce("c", 'x'), coalesce("d", CAST(id AS TEXT)), coalesce("e", (CURRENT_TIMESTAMP)) FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;--> statement-breakpoint
CREATE UNIQUE INDEX `ix_things_d` ON `things` (`d`);
