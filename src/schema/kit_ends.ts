import * as v from "valibot";
import { HarborError } from "../base/errors.ts";
import { type JsonFile, listOf, readAs, type WrongJson } from "../base/json_schema.ts";
import { once } from "../base/once_for.ts";

/** A snapshot's own id and its parent's. */
export interface Ends {
  readonly id: string;
  readonly prevId: string;
}

/**
 * Reads only what a snapshot says of its place: its id and its parent's.
 *
 * @throws {HarborError} `bad_history`
 */
export function readEnds({ path, json }: JsonFile): Ends {
  const wrong = wrongIn(path);
  const { id, prevId, prevIds } = readAs(ends(), json, wrong);
  return { id, prevId: prevId ?? prevIds?.[0] ?? originId };
}

/**
 * Returns what a snapshot's text says of its place, without reading all of it: drizzle-kit says it above the tables, or in
 * the last two fields; `null` where that stands elsewhere. What lies between may be left out of the text.
 */
export function endsIn(text: string): Ends | null {
  const head = text.slice(0, Math.max(text.search(/"(?:tables|ddl|deltas)"/), 0));
  // Behind the last field nothing is open but the whole.
  const [, lastId, lastPrevId] =
    /,\s*"id":\s*"([^"\\]+)",\s*"prevId":\s*"([^"\\]+)"\s*\}\s*$/.exec(text.slice(-1000)) ?? [];
  const id = lastId ?? /"id":\s*"([^"\\]+)"/.exec(head)?.[1];
  const prevId = lastPrevId ?? /"prevIds?":\s*\[?\s*"([^"\\]+)"/.exec(head)?.[1];
  return id === undefined || prevId === undefined ? null : { id, prevId };
}

const ends = once(() =>
  v.object({
    id: v.string(),
    prevId: v.exactOptional(v.string()),
    prevIds: v.exactOptional(listOf(v.string())),
  })
);

/** Returns what makes the error for a field of a snapshot's file. */
export function wrongIn(path: string): WrongJson {
  return (field, state) =>
    new HarborError("bad_history", `Cannot read "${path}"`, {
      state: `${field === "" ? "it" : field} ${state}`,
      hint:
        "Take the file from version control again, or make the revision anew with: harbor-db generate NAME",
      details: { path, field },
    });
}

/** The `prevId` of a first snapshot. */
export const originId = "00000000-0000-0000-0000-000000000000";

/** Returns the id of the snapshot of a revision, the same on every machine. */
export function snapshotId(revision: string): string {
  return `00000000-0000-4000-8000-${revision}`;
}
