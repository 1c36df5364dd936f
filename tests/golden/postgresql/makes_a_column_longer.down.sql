-- Second
-- Fails while things.c holds what does not fit varchar(20).
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE varchar(20);
