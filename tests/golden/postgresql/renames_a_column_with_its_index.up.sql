-- Second
ALTER TABLE "things" RENAME COLUMN "old" TO "c";--> statement-breakpoint
ALTER INDEX "ix_things_old" RENAME TO "ix_things_c";--> statement-breakpoint
ALTER TABLE "things" RENAME CONSTRAINT "things_old_check" TO "things_c_check";
