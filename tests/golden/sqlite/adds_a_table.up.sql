-- Second
CREATE TABLE `things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`c` TEXT
);--> statement-breakpoint
CREATE INDEX `ix_things_c` ON `things` (`c`);--> statement-breakpoint
CREATE TABLE `notes` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`thing_id` INTEGER NOT NULL,
	FOREIGN KEY (`thing_id`) REFERENCES `things`(`id`) ON UPDATE no action ON DELETE no action
);
