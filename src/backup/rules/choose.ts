import { compareTexts } from "../../base/compare_texts.ts";
import { HarborError } from "../../base/errors.ts";
import { backupPathOf, type Manifest, timeIn } from "./manifest.ts";

interface Dated {
  readonly manifest: Pick<Manifest, "createdAt" | "id">;
}

/** Sorts backups, the newest first. */
export function newestFirst(a: Dated, b: Dated): number {
  return compareTexts(b.manifest.createdAt, a.manifest.createdAt) ||
    compareTexts(b.manifest.id, a.manifest.id);
}

/** Sorts names of manifests by the time in them: those of one database begin alike, but two may share a place. */
export function newestNamesFirst(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => compareTexts(timeIn(b), timeIn(a)));
}

/** Whether the name of a manifest has a time in it, as those of harbor-db have. */
export function isDatedName(name: string): boolean {
  return timeIn(name) !== "";
}

/**
 * Returns the name of the file that a user means by its name, its id or the beginning of it.
 *
 * @param there What there is: the names of the manifests, and what their place is called
 * @throws {HarborError} `unknown_backup` when it is none of them, or the beginning of several
 */
export function chooseName(
  name: string,
  { place, manifests }: { readonly place: string; readonly manifests: readonly string[] },
): string {
  const names = manifests.map((each) => backupPathOf(each)!);
  const found = names.filter((each) => each === name || each.startsWith(`${name}.`));
  const [first, second] = found.length > 0 ? found : names.filter((each) => each.startsWith(name));
  if (first !== undefined && second === undefined) return first;
  const state = second === undefined
    ? `there is none with that name in "${place}"`
    : `it is the beginning of ${first} and ${second}`;
  throw unknownBackup(name, { place, state });
}

/** Says that a user means a backup that there is not. */
export function unknownBackup(
  name: string,
  { place, state }: { readonly place: string; readonly state: string },
): HarborError {
  return new HarborError("unknown_backup", `Cannot find the backup "${name}": ${state}`, {
    hint: "harbor-db backup list",
    details: { folder: place },
  });
}
