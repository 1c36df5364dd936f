-- Second
-- Fails while things.c holds what does not fit text.
-- Only a backup brings that back.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE text USING "c"::text;
