-- Second
-- Turns what things.c holds into timestamp: 'Jan 2 2024' becomes 2024-01-02.
-- Only a backup brings that back.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE timestamp USING "c"::timestamp;
