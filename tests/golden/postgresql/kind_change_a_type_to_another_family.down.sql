-- Second
-- Turns what things.c holds into integer: '007' becomes 7.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- Fails while things.c holds what does not fit integer.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE integer USING "c"::integer;
