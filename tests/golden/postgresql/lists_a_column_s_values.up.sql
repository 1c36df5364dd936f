-- Second
-- Fails while things.c holds anything but 'row 1'.
-- things_c_check holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_check" CHECK ("c" IN ('row 1')) NOT VALID;--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_check";
