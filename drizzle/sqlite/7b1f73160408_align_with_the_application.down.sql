-- Align with the application
-- Drops users.last_login and collections.updated_at with what they hold.
-- Leaves 'local' in files.storage_backend where it was NULL.
-- Puts '1970-01-01 00:00:00' into users.created_at, collections.created_at and files.created_at where it is NULL.
-- Only a backup brings that back.
-- SQLite cannot change this in place: files is copied, and nobody writes meanwhile.
CREATE TABLE `__new_files` (
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
	`storage_backend` VARCHAR(20),
	`metadata_json` TEXT,
	`thumb_path` VARCHAR(500),
	`medium_path` VARCHAR(500),
	FOREIGN KEY (`collection_id`) REFERENCES `collections`(`id`) ON UPDATE no action ON DELETE no action
);--> statement-breakpoint
INSERT INTO `__new_files`("id", "uuid", "filename", "original_filename", "mime_type", "size", "storage_path", "thumbnail_path", "upload_complete", "created_at", "collection_id", "storage_backend", "metadata_json", "thumb_path", "medium_path") SELECT "id", "uuid", "filename", "original_filename", "mime_type", "size", "storage_path", "thumbnail_path", "upload_complete", coalesce("created_at", '1970-01-01 00:00:00'), "collection_id", "storage_backend", "metadata_json", "thumb_path", "medium_path" FROM `files`;--> statement-breakpoint
DROP TABLE `files`;--> statement-breakpoint
ALTER TABLE `__new_files` RENAME TO `files`;--> statement-breakpoint
CREATE INDEX `ix_files_uuid` ON `files` (`uuid`);--> statement-breakpoint
CREATE INDEX `ix_files_storage_backend` ON `files` (`storage_backend`);--> statement-breakpoint
-- SQLite cannot change this in place: users is copied, and nobody writes meanwhile.
CREATE TABLE `__new_users` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`uuid` VARCHAR(36) NOT NULL,
	`email` VARCHAR(255) NOT NULL,
	`password_hash` VARCHAR(255) NOT NULL,
	`is_active` BOOLEAN,
	`created_at` DATETIME NOT NULL
);--> statement-breakpoint
INSERT INTO `__new_users`("id", "uuid", "email", "password_hash", "is_active", "created_at") SELECT "id", "uuid", "email", "password_hash", "is_active", coalesce("created_at", '1970-01-01 00:00:00') FROM `users`;--> statement-breakpoint
DROP TABLE `users`;--> statement-breakpoint
ALTER TABLE `__new_users` RENAME TO `users`;--> statement-breakpoint
CREATE INDEX `ix_users_uuid` ON `users` (`uuid`);--> statement-breakpoint
CREATE INDEX `ix_users_email` ON `users` (`email`);--> statement-breakpoint
-- SQLite cannot change this in place: collections is copied, and nobody writes meanwhile.
CREATE TABLE `__new_collections` (
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
INSERT INTO `__new_collections`("id", "uuid", "name", "description", "privacy", "password_hash", "expires_at", "created_at", "user_id") SELECT "id", "uuid", "name", "description", "privacy", "password_hash", "expires_at", coalesce("created_at", '1970-01-01 00:00:00'), "user_id" FROM `collections`;--> statement-breakpoint
DROP TABLE `collections`;--> statement-breakpoint
ALTER TABLE `__new_collections` RENAME TO `collections`;--> statement-breakpoint
CREATE INDEX `ix_collections_uuid` ON `collections` (`uuid`);
