-- Second
-- Brings back things.c without what it held: rows get 'a'.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- The default of things.c fills the rows that exist without touching them; it is taken back below.
ALTER TABLE "things" ADD COLUMN "c" text DEFAULT 'a' NOT NULL;--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" DROP DEFAULT;--> statement-breakpoint
-- things_c_check holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_check" CHECK ("c" IN ('a', 'b')) NOT VALID;--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_check";
