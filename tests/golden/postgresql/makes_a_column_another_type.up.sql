-- Second
-- Turns what things.c holds into timestamp: 'Jan 2 2024' becomes 2024-01-02.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- Fails while things.c holds what does not fit timestamp.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE timestamp USING "c"::timestamp;
