-- Second
-- Drops things.c with what it holds.
-- Only a backup brings that back.
ALTER TABLE "things" DROP COLUMN "c";
