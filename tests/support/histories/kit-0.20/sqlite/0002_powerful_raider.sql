CREATE TABLE `extra` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text
);
