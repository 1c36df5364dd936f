import { createHash } from "node:crypto";
import { HarborError } from "../base/errors.ts";

/** How long the words in a file's name may get, as Alembic cut them. */
const longestSlug = 40;

/** Returns what a revision's files are called: `5b09ebe23c76_add_r2_storage_fields`. */
export function tagOf(revision: string, name: string): string {
  return `${revision}_${slug(name)}`;
}

/**
 * Returns a revision's name in words: the first line of its script where that is the tag's name written out, and else the
 * tag's, since a script may begin with any comment.
 */
export function revisionName(tag: string, script: string): string {
  const words = /^(?:[0-9a-f]{12}|\d+)_(.+)$/.exec(tag)?.[1] ?? tag;
  const written = scriptName(script);
  return written !== null && slug(written) === words ? written : words.replaceAll("_", " ").trim() || tag;
}

/** Returns a script's name: its first line when that is a plain comment, else `null`. */
function scriptName(text: string): string | null {
  const name = /^\uFEFF?-- (?!harbor:)(.+)/.exec(text);
  return name === null ? null : name[1]!.trim();
}

/** The files of a revision in its dialect's folder: the script up, the script down, the snapshot. */
export type RevisionFiles = readonly [up: string, down: string, snapshot: string];

/** @param isFoldered Whether it has a folder of its own, as drizzle-kit 1.0 lays it out */
export function revisionFiles(tag: string, isFoldered = false): RevisionFiles {
  if (isFoldered) return [`${tag}/migration.sql`, `${tag}/down.sql`, `${tag}/snapshot.json`];
  return [`${tag}.sql`, `${tag}.down.sql`, `meta/${prefixOf(tag)}_snapshot.json`];
}

/** Returns what stands before the first underscore of a tag: what drizzle-kit calls the snapshot by. */
export function prefixOf(tag: string): string {
  return tag.split("_", 1)[0]!;
}

/**
 * Returns the ids of the revisions with those tags, in their order: the prefix where no other tag has it and it is no
 * word for another target, else the tag.
 */
export function idsOf(tags: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const tag of tags) counts.set(prefixOf(tag), (counts.get(prefixOf(tag)) ?? 0) + 1);
  return tags.map((tag) => {
    const prefix = prefixOf(tag);
    return counts.get(prefix) === 1 && !["", "head", "base"].includes(prefix) ? prefix : tag;
  });
}

/** Says whether a tag, or an id made of one, is as drizzle-kit 1.0 makes them. */
export function isFolderTag(tag: string): boolean {
  return /^\d{14}(?:_|$)/.test(tag);
}

/** Says whether a tag is that of a revision which is called so in words, whatever stands before its name. */
export function isSameName(tag: string, name: string): boolean {
  return name !== "" && slug(revisionName(tag, "")) === slug(name);
}

/** Says whether a tag is one that harbor-db makes. */
export function isOwnTag(tag: string): boolean {
  return /^[0-9a-f]{12}_/.test(tag);
}

/** Returns a name in lower case, with underscores, of ASCII letters and digits, cut at a word. */
export function slug(name: string): string {
  const plain = name.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  const words = (plain.match(/[a-z0-9_]+/g) ?? []).join("_").replaceAll(/_+/g, "_").replace(/^_/, "");
  const cut = words.length <= longestSlug
    ? words
    : words.slice(0, longestSlug + 1).replace(/_[^_]*$/, "").slice(0, longestSlug);
  return cut.replace(/_$/, "") || "revision";
}

/** Checks what the user calls a new revision; it becomes a comment and part of file names. */
export function readRevisionName(text: string): string {
  const name = text.trim();
  const state = name === ""
    ? "it is empty"
    : /[\r\n]/.test(name)
    ? "it has more than one line"
    : name.includes("-->")
    ? 'it has "-->" in it, which separates statements'
    : /^harbor:/.test(name)
    ? 'it begins with "harbor:", like a directive'
    : null;
  if (state === null) return name;
  throw new HarborError("usage", `Cannot name a revision "${text}": ${state}`, {
    hint: 'harbor-db generate "Add user settings"',
  });
}

/** Checks an id that the user chose. */
export function readRevisionId(text: string): string {
  if (/^[0-9a-f]{12}$/.test(text)) return text;
  throw new HarborError("usage", `Cannot use "${text}" as a revision: it is not twelve hex digits`, {
    hint: "Leave --rev-id out, and harbor-db derives one.",
  });
}

/** What a revision's id is derived from. */
export interface RevisionContent {
  readonly parent: string | null;
  readonly name: string;
  /** The texts of all its scripts, in a fixed order. */
  readonly scripts: readonly string[];
}

/**
 * Derives a revision's id from what it is: the same change after the same revision has the same id on every machine,
 * and two different ones have different ids.
 */
export function deriveRevisionId({ parent, name, scripts }: RevisionContent): string {
  return createHash("sha256").update(JSON.stringify([parent, name, ...scripts])).digest("hex").slice(0, 12);
}

/**
 * Reads a time as people and Alembic write it: ISO 8601, with a space or a `T`; without a zone it is UTC.
 *
 * @returns Milliseconds since 1970
 */
export function readCreationTime(text: string): number {
  const [, day, time = "00:00", fraction = "", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?)? ?(Z|[+-]\d\d:\d\d)?$/.exec(text.trim()) ?? [];
  const seconds = time.length === 5 ? `${time}:00` : time;
  const ms = day === undefined ? NaN : Date.parse(`${day}T${seconds}${fraction.slice(0, 4)}${zone}`);
  if (!Number.isNaN(ms)) return ms;
  throw new HarborError("usage", `Cannot read the time "${text}": it is not ISO 8601`, {
    hint: '--created-at "2025-09-29 17:52:08"',
  });
}
