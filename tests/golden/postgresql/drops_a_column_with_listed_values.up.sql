-- Second
-- Drops things.c with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" DROP CONSTRAINT "things_c_check";--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "c";
