-- Second
-- Fails while things.c holds what does not fit integer.
-- Only a backup brings that back.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE integer USING "c"::integer;
