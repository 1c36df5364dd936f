-- Initial schema
CREATE TABLE `users` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`uuid` VARCHAR(36) NOT NULL,
	`email` VARCHAR(255) NOT NULL,
	`password_hash` VARCHAR(255) NOT NULL,
	`is_active` BOOLEAN,
	`created_at` DATETIME NOT NULL
);--> statement-breakpoint
CREATE INDEX `ix_users_uuid` ON `users` (`uuid`);--> statement-breakpoint
CREATE INDEX `ix_users_email` ON `users` (`email`);--> statement-breakpoint
CREATE TABLE `collections` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`uuid` VARCHAR(36) NOT NULL,
	`name` VARCHAR(100) NOT NULL,
	`description` TEXT,
	`privacy` VARCHAR(20),
	`password_hash` VARCHAR(255),
	`expires_at` DATETIME,
	`created_at` DATETIME NOT NULL,
	`user_id` INTEGER NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);--> statement-breakpoint
CREATE INDEX `ix_collections_uuid` ON `collections` (`uuid`);--> statement-breakpoint
CREATE TABLE `files` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`uuid` VARCHAR(36) NOT NULL,
	`filename` VARCHAR(255) NOT NULL,
	`original_filename` VARCHAR(255) NOT NULL,
	`mime_type` VARCHAR(100) NOT NULL,
	`size` INTEGER NOT NULL,
	`storage_path` VARCHAR(500) NOT NULL,
	`thumbnail_path` VARCHAR(500),
	`upload_complete` BOOLEAN,
	`created_at` DATETIME NOT NULL,
	`collection_id` INTEGER NOT NULL,
	FOREIGN KEY (`collection_id`) REFERENCES `collections`(`id`) ON UPDATE no action ON DELETE no action
);--> statement-breakpoint
CREATE INDEX `ix_files_uuid` ON `files` (`uuid`);
