-- Second
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE timestamp USING "c"::timestamp;
