-- Second
ALTER TABLE "things" DROP CONSTRAINT "things_c_owners_id_fk";--> statement-breakpoint
-- things_c_owners_id_fk holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_owners_id_fk" FOREIGN KEY ("c") REFERENCES "owners"("id") ON DELETE no action ON UPDATE no action NOT VALID;--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_owners_id_fk";
