-- Second
-- Does not give back what things.c held: 'Jan 2 2024' becomes 2024-01-02.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE text USING "c"::text;
