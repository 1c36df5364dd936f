ALTER TABLE `users` ADD `more` text;--> statement-breakpoint
DROP VIEW `v`;--> statement-breakpoint
CREATE VIEW `v` AS select "id", "email", "name", "size", "twice", "virt", "note", "more" from "users";