-- Second
-- Leaves '?' in things.c where it was NULL.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ALTER COLUMN "c" DROP NOT NULL;
