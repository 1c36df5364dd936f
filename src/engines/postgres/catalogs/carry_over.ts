import { quoteName } from "../../../sql/quote.ts";
import { type Attached, forbiddenAspect, identityAspect, orderAspect } from "./attached.ts";

/**
 * Returns the statements that give what hung on relations to those that came in their place: of the same name, or an
 * index that is made of the same. What is still there is as the script wants it, and what the script said of a successor
 * stays.
 *
 * @param before What was there
 * @param after What is there
 */
export function carryOver(before: readonly Attached[], after: readonly Attached[]): readonly string[] {
  const ids = new Set(after.map(({ id }) => id));
  const known = new Set(before.map(({ id }) => id));
  const heir = (thing: Attached) =>
    after.find(({ name }) => name === thing.name) ?? after.find((each) => isTwin(thing, each, known));
  const texts = before.flatMap((thing): readonly string[] => {
    if (thing.aspect === null) return [];
    const successor = ids.has(thing.id) ? undefined : heir(thing);
    if (successor === undefined) return [];
    const isSaid = thing.aspect === identityAspect
      ? after.some((each) => each.table === successor.table && each.aspect === identityAspect) ||
        // Of a table that is the same the script said it, unless nothing but its index is missing.
        successor.identity !== (before.some(({ table }) => table === successor.table) ? "i" : "d")
      : after.some((each) =>
        each.aspect === thing.aspect &&
        (thing.aspect === orderAspect ? each.table === successor.table : each.id === successor.id)
      );
    if (isSaid || !isFit(thing, successor)) return [];
    // What hangs on several columns needs all of them.
    const isWhole = before.every((each) => each.head !== thing.head || ids.has(each.id) || heir(each));
    return isWhole ? [textOf(thing, successor)] : [];
  });
  return [...new Set(texts)];
}

/** Whether an index is made of the same as one that is gone; what describes the one itself does not fit an older one. */
function isTwin({ definition, aspect }: Attached, other: Attached, known: ReadonlySet<string>): boolean {
  return definition !== null && definition === other.definition &&
    (!known.has(other.id) || aspect === identityAspect || aspect === orderAspect);
}

/** Whether a successor can have what hung on the one before it. */
function isFit({ aspect, tail, shape, method }: Attached, successor: Attached): boolean {
  if (aspect!.endsWith(forbiddenAspect)) return false;
  if (tail === null) return true;
  if (aspect === identityAspect) return successor.identifies;
  if (aspect === orderAspect) return successor.orders;
  if (aspect!.startsWith("statistics ")) return successor.shape === shape;
  return !aspect!.startsWith("option ") || successor.method === method;
}

function textOf({ aspect, head, tail }: Attached, { full, bare }: Attached): string {
  if (tail === null) return head;
  return `${head}${aspect === identityAspect || aspect === orderAspect ? quoteName(bare) : full}${tail}`;
}
