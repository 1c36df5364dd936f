ALTER TABLE `users` ADD `score` real DEFAULT 0.5;--> statement-breakpoint
ALTER TABLE `users` ADD `avatar` blob;--> statement-breakpoint
CREATE INDEX `users_mood_idx` ON `users` (`mood`);