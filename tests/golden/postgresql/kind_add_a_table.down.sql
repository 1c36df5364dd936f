-- Second
-- Drops things and notes with their rows.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
DROP TABLE "notes";--> statement-breakpoint
DROP TABLE "things";
