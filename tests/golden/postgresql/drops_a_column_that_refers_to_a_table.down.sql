-- Second
-- Brings back things.c without what it held.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "c" integer;--> statement-breakpoint
-- things_c_fkey holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_fkey" FOREIGN KEY ("c") REFERENCES "owners"("id") ON DELETE no action ON UPDATE no action NOT VALID;--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_fkey";
