-- Second
ALTER TABLE "items" RENAME TO "things";--> statement-breakpoint
ALTER INDEX "ix_items_name" RENAME TO "ix_things_name";--> statement-breakpoint
ALTER TABLE "things" RENAME CONSTRAINT "items_o_fkey" TO "things_o_fkey";
