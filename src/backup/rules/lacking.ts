import { HarborError } from "../../base/errors.ts";
import { quoteName } from "../../sql/quote.ts";
import type { Manifest } from "./manifest.ts";

/** Why a copy cannot be restored where it is tried, and that it is no fault of the copy. */
export interface Lack {
  readonly message: string;
  readonly hint: string;
}

/**
 * Says what a copy needs beside it, where a restore failed since something is not there; `null` where it is a fault of the
 * copy for all that is known.
 */
export function findLack(error: unknown, { uncarried }: Pick<Manifest, "uncarried">): Lack | null {
  if (!(error instanceof HarborError) || error.details["isLacking"] !== true || uncarried.length === 0) {
    return null;
  }
  const makes = uncarried.flatMap((each) => {
    const [, kind, name] = /^(extension|role) (.+)$/s.exec(each) ?? [];
    return name === undefined ? [] : [`CREATE ${kind!.toUpperCase()} ${quoteName(name)};`];
  });
  // A relation that is not there is none that an extension or a role brings: it may be the copy's own.
  if (makes.length === 0 || error.details["sqlState"] === "42P01") return null;
  return {
    message: `${error.state}. The copy does not hold, and may need: ${uncarried.join(", ")}`,
    hint: `Make there, as a superuser, what is lacking of these, then run the same command again: ${
      makes.join(" ")
    }`,
  };
}
