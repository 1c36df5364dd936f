-- Second
CREATE TABLE `things` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text
);--> statement-breakpoint
CREATE TABLE `notes` (
	`id` integer PRIMARY KEY NOT NULL,
	`thing_id` integer,
	FOREIGN KEY (`thing_id`) REFERENCES `things`(`id`) ON UPDATE no action ON DELETE no action
);
