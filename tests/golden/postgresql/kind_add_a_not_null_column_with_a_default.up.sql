-- Second
-- The default of things.c fills the rows that exist without touching them.
ALTER TABLE "things" ADD COLUMN "c" integer DEFAULT 0 NOT NULL;
