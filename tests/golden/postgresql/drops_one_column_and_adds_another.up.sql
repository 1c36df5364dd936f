-- Second
-- Drops things.old with what it holds.
-- Only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "c" text;--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "old";
