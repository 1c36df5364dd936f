import * as v from "valibot";
import { HarborError } from "../../base/errors.ts";
import { hideSecrets } from "../../base/secrets/hide_secrets.ts";
import { isRecord, parseJson, readAs, type WrongJson } from "../../base/json_schema.ts";
import type { Revision } from "../history.ts";
import { deltaOf, type JsonDelta } from "./json_delta.ts";
import { snapshotHash } from "./snapshot_hash.ts";

const changeForm = v.object({
  /** The upgrade script, to be read and never to be run; `null` where it is not carried. Earlier releases left it out. */
  upgrade: v.optional(v.nullable(v.string()), null),
  /** The hash of the parent's snapshot, see {@link snapshotHash}; `null` without one. */
  base: v.optional(v.nullable(v.string()), null),
  /** What the snapshot changes in that; left out when it is not known. */
  delta: v.optional(v.custom<JsonDelta>(isRecord, "is no object")),
});

/** What a revision changes, as a row of the ledger says it. */
type RecordedChange = v.InferOutput<typeof changeForm>;

/** A longer script has rows in it, and every upgrade reads the whole ledger. */
const mostCharacters = 256 * 1024;

/** How a text begins that says of the script, be it that it is not carried. */
const opening = '{"upgrade":';

/** A revision's script and schema do not change while it is known. */
const written = new WeakMap<Revision, { readonly parent: Revision | null; readonly text: string }>();

/**
 * Returns what a revision changes as the ledger keeps it: its script, and the schema after it as what its snapshot changes in its
 * parent's. Earlier releases pass over the script.
 */
export function writeChange(revision: Revision, parent: Revision | null): string {
  const known = written.get(revision);
  if (known?.parent === parent) return known.text;
  // In this order each snapshot of a history is read once.
  const from = parent === null ? null : jsonOf(parent);
  const to = jsonOf(revision);
  const schema = to === null
    ? {}
    : { base: from === null ? null : snapshotHash(from), delta: deltaOf(from, to) };
  const text = JSON.stringify({ upgrade: readableOf(revision.upgradeText()), ...schema });
  written.set(revision, { parent, text });
  return text;
}

/** Returns a script that may stand where others read it; `null` of one that is too long, or names secrets: without these it would say something else. */
function readableOf(script: string | null): string | null {
  const isCarried = script !== null && script.length <= mostCharacters && hideSecrets(script) === script;
  return isCarried ? script : null;
}

/** Whether a row says all that it would say today, and is not an earlier release's. */
export function isOfToday(text: string | null): boolean {
  return text?.startsWith(opening) === true;
}

/**
 * Reads what {@link writeChange} wrote, or an earlier release.
 *
 * @throws {HarborError} what `wrong` makes of a text in another form
 */
export function readChange(text: string | null, wrong: WrongJson): RecordedChange {
  return readAs(changeForm, text === null ? {} : parseJson(text, wrong), wrong);
}

type Json = Readonly<Record<string, unknown>> | null;

/** The snapshot that was read last: all of a long history would fill the memory. */
let recent: { readonly revision: Revision; readonly json: Json } | undefined;

/** Returns a revision's snapshot; `null` without one that can be read. */
function jsonOf(revision: Revision): Json {
  if (recent?.revision !== revision) recent = { revision, json: readJson(revision) };
  return recent.json;
}

function readJson(revision: Revision): Json {
  try {
    const { json } = revision.snapshot();
    return isRecord(json) ? json : null;
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}
