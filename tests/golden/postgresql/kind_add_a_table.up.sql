-- Second
CREATE TABLE "things" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" text
);--> statement-breakpoint
CREATE TABLE "notes" (
	"id" serial PRIMARY KEY NOT NULL,
	"thing_id" integer
);--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_thing_id_things_id_fk" FOREIGN KEY ("thing_id") REFERENCES "things"("id") ON DELETE no action ON UPDATE no action;
