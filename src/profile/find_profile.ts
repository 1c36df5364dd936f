import type { History } from "../history/history.ts";
import { openHarbor } from "./open_harbor.ts";
import type { Profile } from "./profile.ts";

/** Returns the profile of the application that a history is of; `null` for any other. */
export function profileOf({ revisions }: History): Profile | null {
  return revisions[0]?.id === openHarbor.firstRevision ? openHarbor : null;
}
