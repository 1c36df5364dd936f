-- Second
-- Brings back things without its rows.
-- Brings back notes without its rows.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
CREATE TABLE "things" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" varchar(20) NOT NULL
);--> statement-breakpoint
CREATE TABLE "notes" (
	"id" serial PRIMARY KEY NOT NULL,
	"thing_id" integer NOT NULL
);--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_thing_id_fkey" FOREIGN KEY ("thing_id") REFERENCES "things"("id") ON DELETE no action ON UPDATE no action;
