CREATE TABLE `keys` (
	`k` text PRIMARY KEY,
	`v` blob,
	`u` integer,
	CONSTRAINT `fk_keys_u_users_id_fk` FOREIGN KEY (`u`) REFERENCES `users`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE TABLE `pairs` (
	`a` text,
	`b` text,
	`n` real NOT NULL,
	CONSTRAINT `pairs_pk` PRIMARY KEY(`a`, `b`)
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT,
	`email` text NOT NULL UNIQUE,
	`name` text DEFAULT 'it''s',
	`size` integer DEFAULT 0,
	`twice` integer GENERATED ALWAYS AS (size * 2) STORED,
	`virt` text GENERATED ALWAYS AS (lower(name)) VIRTUAL,
	CONSTRAINT "c" CHECK("size" >= 0)
);
--> statement-breakpoint
CREATE INDEX `users_low` ON `users` (lower("email"));--> statement-breakpoint
CREATE UNIQUE INDEX `p` ON `users` (`name`) WHERE "users"."size" > 0;--> statement-breakpoint
CREATE VIEW `v` AS select "id", "email", "name", "size", "twice", "virt" from "users";