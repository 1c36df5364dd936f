-- Second
ALTER TABLE "things" RENAME TO "old_things";--> statement-breakpoint
ALTER TABLE "notes" RENAME CONSTRAINT "notes_thing_id_things_id_fk" TO "notes_thing_id_old_things_id_fk";
