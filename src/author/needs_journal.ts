import { HarborError } from "../base/errors.ts";

/** Returns the error for what cannot be done in the folders of drizzle-kit 1.0. */
export function needsJournal(verb: "squash" | "rebase", dir: string): HarborError {
  return new HarborError("bad_history", `Cannot ${verb} in "${dir}"`, {
    state: "it is laid out as drizzle-kit 1.0 does it, which has no journal",
    hint: verb === "squash"
      ? "A squash takes the layout of harbor-db and drizzle-kit 0.31."
      : "There the folders' names say the order: generate the revision that is to come later anew, with the kit of the project.",
  });
}
