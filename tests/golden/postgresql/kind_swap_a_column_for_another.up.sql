-- Second
-- Drops things.old with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "c" text;--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "old";
