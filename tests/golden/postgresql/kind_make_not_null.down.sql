-- Second
-- Leaves '?' in things.c where it was NULL.
-- Only a backup brings that back.
ALTER TABLE "things" ALTER COLUMN "c" DROP NOT NULL;
