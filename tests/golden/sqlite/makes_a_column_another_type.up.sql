-- Second
-- Turns what things.c holds into DATETIME: '2024-01-02T03:04:05Z' becomes 2024-01-02 03:04:05.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- Fails while things.c holds what does not fit DATETIME.
-- SQLite cannot change this in place: things is copied, and nobody writes meanwhile.
CREATE TABLE `__new_things` (
	`id` INTEGER PRIMARY KEY NOT NULL,
	`name` VARCHAR(20) NOT NULL,
	`c` DATETIME
);--> statement-breakpoint
INSERT INTO `__new_things`("id", "name", "c") SELECT "id", "name", CASE WHEN substr(datetime(substr("c", 1, 19), '+0 days'), 1, 10) = substr("c", 1, 10) AND (rtrim(substr("c", 20), 'Z') = '' OR rtrim(substr("c", 20), 'Z') GLOB '.[0-9]*' AND length(rtrim(substr("c", 20), 'Z')) <= 7 AND substr(rtrim(substr("c", 20), 'Z'), 2) NOT GLOB '*[^0-9]*') THEN datetime(substr("c", 1, 19), '+0 days') || iif(rtrim(substr("c", 20), 'Z') = '', '', substr(rtrim(substr("c", 20), 'Z') || '000000', 1, 7)) ELSE "c" END FROM `things`;--> statement-breakpoint
DROP TABLE `things`;--> statement-breakpoint
ALTER TABLE `__new_things` RENAME TO `things`;
