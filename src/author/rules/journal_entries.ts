import { isRecord } from "../../base/json_schema.ts";

/** What a journal says of a revision. */
export interface LooseEntry {
  readonly tag: string;
  readonly when: number;
  /** All that its entry says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Returns the tags in a journal's text, in order. */
export function tagsIn(journal: string): readonly string[] {
  return looseEntries(journal).map(({ tag }) => tag);
}

/** Reads the entries in a journal's text, which may be no JSON. */
export function looseEntries(journal: string): readonly LooseEntry[] {
  const entries = journal.match(/\{[^{}]*"tag"[^{}]*\}/g) ?? [];
  const read = entries.flatMap((text) => {
    const times = [...text.matchAll(/"when": *(\d+)/g)].map((match) => Number(match[1]));
    // An editor that keeps both sides of a conflict may put two revisions into one entry.
    return [...text.matchAll(/"tag": *"([^"]+)"/g)].flatMap(([, tag], at) =>
      times[at] === undefined ? [] : [{ tag: tag!, when: times[at], fields: fieldsOf(text) }]
    );
  });
  return read.filter(({ tag }, at) => read.findIndex((each) => each.tag === tag) === at);
}

function fieldsOf(entry: string): LooseEntry["fields"] {
  try {
    const json: unknown = JSON.parse(entry);
    return isRecord(json) ? json : {};
  } catch {
    return {};
  }
}
