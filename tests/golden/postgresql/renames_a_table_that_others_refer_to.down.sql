-- Second
ALTER TABLE "things" RENAME TO "items";--> statement-breakpoint
ALTER INDEX "ix_things_name" RENAME TO "ix_items_name";--> statement-breakpoint
ALTER TABLE "items" RENAME CONSTRAINT "things_o_fkey" TO "items_o_fkey";
