-- Second
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE text USING "c"::text;
