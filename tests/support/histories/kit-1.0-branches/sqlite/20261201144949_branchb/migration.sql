ALTER TABLE `users` ADD `note` text;--> statement-breakpoint
DROP VIEW `v`;--> statement-breakpoint
CREATE VIEW `v` AS select "id", "email", "name", "size", "twice", "virt", "note" from "users";