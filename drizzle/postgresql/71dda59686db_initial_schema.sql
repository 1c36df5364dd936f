-- Initial schema
CREATE TABLE "users" (
	"id" serial PRIMARY KEY NOT NULL,
	"uuid" varchar(36) NOT NULL,
	"email" varchar(255) NOT NULL,
	"password_hash" varchar(255) NOT NULL,
	"is_active" boolean,
	"created_at" timestamp NOT NULL
);--> statement-breakpoint
CREATE TABLE "collections" (
	"id" serial PRIMARY KEY NOT NULL,
	"uuid" varchar(36) NOT NULL,
	"name" varchar(100) NOT NULL,
	"description" text,
	"privacy" varchar(20),
	"password_hash" varchar(255),
	"expires_at" timestamp,
	"created_at" timestamp NOT NULL,
	"user_id" integer NOT NULL
);--> statement-breakpoint
CREATE TABLE "files" (
	"id" serial PRIMARY KEY NOT NULL,
	"uuid" varchar(36) NOT NULL,
	"filename" varchar(255) NOT NULL,
	"original_filename" varchar(255) NOT NULL,
	"mime_type" varchar(100) NOT NULL,
	"size" integer NOT NULL,
	"storage_path" varchar(500) NOT NULL,
	"thumbnail_path" varchar(500),
	"upload_complete" boolean,
	"created_at" timestamp NOT NULL,
	"collection_id" integer NOT NULL
);--> statement-breakpoint
ALTER TABLE "collections" ADD CONSTRAINT "collections_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_collection_id_fkey" FOREIGN KEY ("collection_id") REFERENCES "collections"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_users_uuid" ON "users" ("uuid");--> statement-breakpoint
CREATE INDEX "ix_users_email" ON "users" ("email");--> statement-breakpoint
CREATE INDEX "ix_collections_uuid" ON "collections" ("uuid");--> statement-breakpoint
CREATE INDEX "ix_files_uuid" ON "files" ("uuid");
