-- Second
-- Fails while things.c holds what does not fit integer.
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE integer;
