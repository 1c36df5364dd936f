-- Second
-- Drops things.c with what it holds.
-- Brings back things.old without what it held.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "old" text;--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "c";
