-- Second
-- Drops things and notes with their rows.
-- Only a backup brings that back.
DROP TABLE `notes`;--> statement-breakpoint
DROP TABLE `things`;
