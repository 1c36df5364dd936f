DROP TABLE `extra`;--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_posts` (
	`id` integer PRIMARY KEY,
	`author` integer NOT NULL,
	`title` text,
	`draft` integer DEFAULT true,
	CONSTRAINT `fk_posts_author_users_id_fk` FOREIGN KEY (`author`) REFERENCES `users`(`id`) ON DELETE CASCADE,
	CONSTRAINT `posts_one` UNIQUE(`title`,`draft`)
);
--> statement-breakpoint
INSERT INTO `__new_posts`(`id`, `author`, `title`, `draft`) SELECT `id`, `author`, `title`, `draft` FROM `posts`;--> statement-breakpoint
DROP TABLE `posts`;--> statement-breakpoint
ALTER TABLE `__new_posts` RENAME TO `posts`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `posts_title_idx` ON `posts` (`author`,`title`);
