import type { Dialect } from "../../../base/dialect.ts";

const indexDirective: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [],
  postgresql: ["  -- harbor:concurrently"],
};

/** Returns the remarks of a script that is still to be written: what can stand in it. */
export function templateUp(dialect: Dialect): readonly string[] {
  return [
    "",
    "schema.ts has no change, so this revision does nothing yet. Put statements in the place of SELECT 1 and what undoes",
    "them into the .down.sql beside it, for each dialect; then: harbor-db check --prove --accept-edits",
    "A column or an index of the application's belongs into schema.ts, from which harbor-db generate writes both.",
    "",
    "Add a column:",
    '  ALTER TABLE "files" ADD COLUMN "note" text;',
    "Add an index:",
    ...indexDirective[dialect],
    '  CREATE INDEX "ix_files_note" ON "files" ("note");',
    "Change many rows, in batches, while others write:",
    "  -- harbor:backfill table=files key=id",
    `  UPDATE "files" SET "note" = '' WHERE "note" IS NULL;`,
    "Delete many rows in the same way (what refers to them has to say ON DELETE, or go before them):",
    "  -- harbor:batches table=files key=id",
    `  DELETE FROM "files" WHERE "note" = 'delete me';`,
    "",
    "Two statements have the line between them that stands in the other scripts.",
  ];
}

/** Returns the remarks of a script that is to undo it. */
export function templateDown(): readonly string[] {
  return ["What undoes the upgrade goes here. What it cannot give back belongs into this comment."];
}
