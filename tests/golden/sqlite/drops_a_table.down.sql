-- Second
-- Brings back things without its rows.
-- Brings back notes without its rows.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
CREATE TABLE `things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL
);--> statement-breakpoint
CREATE TABLE `notes` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`thing_id` INTEGER NOT NULL,
	FOREIGN KEY (`thing_id`) REFERENCES `things`(`id`) ON UPDATE no action ON DELETE no action
);
