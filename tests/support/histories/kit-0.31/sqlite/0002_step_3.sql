CREATE TABLE `extra` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text
);
--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_posts` (
	`id` integer PRIMARY KEY NOT NULL,
	`author` integer NOT NULL,
	`title` text DEFAULT 'untitled' NOT NULL,
	`draft` integer DEFAULT true,
	FOREIGN KEY (`author`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
INSERT INTO `__new_posts`("id", "author", "title", "draft") SELECT "id", "author", "title", "draft" FROM `posts`;--> statement-breakpoint
DROP TABLE `posts`;--> statement-breakpoint
ALTER TABLE `__new_posts` RENAME TO `posts`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `posts_title_idx` ON `posts` (`author`,`title`);--> statement-breakpoint
CREATE UNIQUE INDEX `posts_one` ON `posts` (`title`,`draft`);