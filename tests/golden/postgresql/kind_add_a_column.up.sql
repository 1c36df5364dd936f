-- Second
ALTER TABLE "things" ADD COLUMN "c" text;
