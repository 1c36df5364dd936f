-- Second
CREATE TABLE "things" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" varchar(20) NOT NULL,
	"c" text
);--> statement-breakpoint
CREATE TABLE "notes" (
	"id" serial PRIMARY KEY NOT NULL,
	"thing_id" integer NOT NULL
);--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_thing_id_fkey" FOREIGN KEY ("thing_id") REFERENCES "things"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_things_c" ON "things" ("c");
