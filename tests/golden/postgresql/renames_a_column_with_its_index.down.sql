-- Second
ALTER TABLE "things" RENAME COLUMN "c" TO "old";--> statement-breakpoint
ALTER INDEX "ix_things_c" RENAME TO "ix_things_old";--> statement-breakpoint
ALTER TABLE "things" RENAME CONSTRAINT "things_c_check" TO "things_old_check";
