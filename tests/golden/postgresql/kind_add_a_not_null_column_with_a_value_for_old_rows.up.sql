-- Second
-- The default of things.c fills the rows that exist without touching them; it is taken back below.
ALTER TABLE "things" ADD COLUMN "c" text DEFAULT 'x' NOT NULL;--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" DROP DEFAULT;
