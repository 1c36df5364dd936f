-- Second
-- Brings back things.c without what it held: rows get 0.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- The default of things.c fills the rows that exist without touching them; it is taken back below.
ALTER TABLE "things" ADD COLUMN "c" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" DROP DEFAULT;
