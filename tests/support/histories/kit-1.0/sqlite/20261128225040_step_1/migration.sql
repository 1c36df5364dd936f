CREATE TABLE `likes` (
	`user` integer NOT NULL,
	`post` integer NOT NULL,
	CONSTRAINT `likes_pk` PRIMARY KEY(`user`, `post`),
	CONSTRAINT `fk_likes_user_users_id_fk` FOREIGN KEY (`user`) REFERENCES `users`(`id`),
	CONSTRAINT `fk_likes_post_posts_id_fk` FOREIGN KEY (`post`) REFERENCES `posts`(`id`)
);
--> statement-breakpoint
CREATE TABLE `posts` (
	`id` integer PRIMARY KEY,
	`author` integer NOT NULL,
	`title` text,
	`draft` integer DEFAULT true,
	CONSTRAINT `fk_posts_author_users_id_fk` FOREIGN KEY (`author`) REFERENCES `users`(`id`) ON DELETE CASCADE,
	CONSTRAINT `posts_one` UNIQUE(`title`,`draft`)
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT,
	`email` text NOT NULL UNIQUE,
	`mood` text DEFAULT 'calm' NOT NULL,
	`created_at` integer DEFAULT (strftime('%s', 'now')) NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `posts_title_idx` ON `posts` (`author`,`title`);