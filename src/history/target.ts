import { HarborError } from "../base/errors.ts";
import type { History, Revision } from "./history.ts";

/**
 * Returns how many revisions are applied at a target.
 *
 * @throws {HarborError} `unknown_target` or `ambiguous_target`
 */
export function resolveTarget(history: History, done: number, text: string): number {
  const { revisions } = history;
  // What only a ledger knows may stand behind it, or before it.
  if (text === "head") return revisions.findLastIndex(({ ledger }) => ledger === undefined) + 1;
  if (text === "base") return 0;
  if (/^[+-]\d+$/.test(text)) {
    const target = done + Number(text);
    if (target >= 0 && target <= revisions.length) return target;
    throw new HarborError(
      "unknown_target",
      `Cannot find target "${text}": there are ${
        text[0] === "+" ? revisions.length - done : done
      } revisions that way`,
      { hint: "harbor-db history" },
    );
  }
  const found = findRevisions(revisions, text);
  if (found.length === 1) return revisions.indexOf(found[0]!) + 1;
  if (found.length > 1) {
    const candidates = found.map((revision) => revision.id);
    throw new HarborError(
      "ambiguous_target",
      `Cannot find target "${text}": it is the beginning of ${candidates.join(" and ")}`,
      { hint: "Give more of it.", details: { candidates } },
    );
  }
  const [inside] = findRevisions(history.covered ?? [], text);
  if (inside !== undefined) return insideOf(history, inside, text);
  throw new HarborError("unknown_target", `Cannot find target "${text}": no revision has that id or tag`, {
    hint: "harbor-db history",
  });
}

/** Where a squashed revision stands for the one that is meant, only its end is a place. */
function insideOf({ covered = [], revisions }: History, inside: Revision, text: string): number {
  let whole = inside;
  let isEnd = true;
  while (!revisions.includes(whole)) {
    const { coveredBy } = whole;
    isEnd &&= covered.findLast((each) => each.coveredBy === coveredBy) === whole;
    whole = [...revisions, ...covered].find(({ tag }) => tag === coveredBy)!;
  }
  if (isEnd) return revisions.indexOf(whole) + 1;
  throw new HarborError(
    "unknown_target",
    `Cannot find target "${text}": ${whole.id} (${whole.name}) stands for it, and goes in one`,
    { hint: "harbor-db history", details: { revision: whole.id } },
  );
}

/** Returns the revisions that a text means: the one whose id or tag it is, else all of which it is the beginning. */
export function findRevisions<T extends { readonly id: string; readonly tag: string }>(
  revisions: readonly T[],
  text: string,
): readonly T[] {
  const wanted = text.toLowerCase();
  const namesOf = ({ id, tag }: T) => [id.toLowerCase(), tag.toLowerCase()];
  const exact = revisions.filter((each) => namesOf(each).includes(wanted));
  if (exact.length > 0 || text === "") return exact;
  return revisions.filter((each) => namesOf(each).some((name) => name.startsWith(wanted)));
}
