-- Second
-- The default of things.c fills the rows that exist without touching them.
ALTER TABLE "things" ADD COLUMN "c" varchar(20) DEFAULT 'a' NOT NULL;--> statement-breakpoint
-- things_c_check holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_check" CHECK ("c" IN ('a', 'b')) NOT VALID;--> statement-breakpoint
-- ix_things_c is built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_things_c" ON "things" ("c");--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_check";
