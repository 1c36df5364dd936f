import { HarborError } from "../base/errors.ts";
import { isRecord, type JsonFile, readAs, type WrongJson } from "../base/json_schema.ts";
import { once } from "../base/once_for.ts";
import { applyDeltas, changesSince, entitySnapshot } from "../schema/entity_snapshot.ts";
import { endsIn, originId } from "../schema/kit_ends.ts";

/** The snapshots of drizzle-kit 1.0 in a folder. */
export interface KitFolder {
  /** The paths of all of them in the order of their revisions, some of which may not be there. */
  readonly paths: readonly string[];
  /** Returns the text of one, `null` when there is none. */
  text(path: string): string | null;
  /** @throws {HarborError} `bad_history` when there is none, or it is no JSON */
  read(path: string): JsonFile;
  /** Returns the error for one that cannot be used. */
  broken(path: string, state: string): HarborError;
}

/**
 * Returns what reads such snapshots. Some only say what they change in those before. Of two branches each one's says nothing of the
 * other's, and kits run them one after the other all the same: each is returned with what all up to it leave.
 */
export function snapshotsSoFar(folder: KitFolder): (path: string) => JsonFile {
  const there = once(() => folder.paths.filter((path) => folder.text(path) !== null));
  const isChain = once(() => {
    const ends = there().map((path) => endsIn(folder.text(path)!));
    return ends.every((each, at) => at === 0 || (each !== null && each.prevId === ends[at - 1]?.id));
  });
  const said = once(() => there().map((path) => readSaid(folder, path)));
  const places = once(() => new Map(said().map(({ id }, at) => [id, at])));
  const whole: (readonly unknown[])[] = [];

  /** Returns all that there is after so many. */
  function after(count: number): readonly unknown[] {
    for (let at = whole.length; at < count; at++) {
      const { prevIds, ddl, deltas } = said()[at]!;
      const parents = prevIds.filter((id) => id !== originId).map((id) => {
        const place = places().get(id) ?? at;
        if (place < at) return said()[place]!.ddl ?? whole[place]!;
        throw folder.broken(there()[at]!, `it changes the snapshot ${id}, which is not here before it`);
      });
      whole.push(applyDeltas(whole[at - 1] ?? [], deltas ?? changesSince(parents, ddl ?? [])));
    }
    return whole[count - 1] ?? [];
  }

  return (path) => {
    const file = folder.read(path);
    if (!isRecord(file.json) || (isChain() && file.json["type"] !== "diff")) return file;
    return { ...file, json: { ...file.json, ddl: after(there().indexOf(path) + 1) } };
  };
}

function readSaid(folder: KitFolder, path: string) {
  const { json } = folder.read(path);
  const wrong: WrongJson = (field, state) => folder.broken(path, `${field === "" ? "it" : field} ${state}`);
  const { deltas = [], ...rest } = readAs(entitySnapshot(), json, wrong);
  return { ...rest, deltas: isRecord(json) && json["type"] === "diff" ? deltas : null };
}
