-- Initial schema
-- Drops every user, collection and file. Only a backup brings them back.
DROP TABLE "files";--> statement-breakpoint
DROP TABLE "collections";--> statement-breakpoint
DROP TABLE "users";
