import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { onceForText } from "../base/once_for.ts";
import { tokensOf } from "./cursor.ts";

/** What begins a parameter: `?`, or the first of `$1`, which no name has. */
const parameters: Readonly<Record<Dialect, string>> = { sqlite: "?", postgresql: "$" };

/**
 * Says whether an expression has the place of a value in it, as a schema.ts with `${value}` in an index or a check leaves it
 * in drizzle-kit's snapshot: which value was meant nobody knows, and no database can run it.
 */
export const hasParameter = onceForText((expression: string, dialect: Dialect): boolean => {
  try {
    return tokensOf(expression, dialect).some(({ kind, text }) =>
      kind === "sign" && text === parameters[dialect]
    );
  } catch (error) {
    if (error instanceof HarborError) return false;
    throw error;
  }
});
