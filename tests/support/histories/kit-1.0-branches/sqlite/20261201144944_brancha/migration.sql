CREATE TABLE `aa` (
	`id` integer PRIMARY KEY
);
