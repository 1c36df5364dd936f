import { HarborError } from "./errors.ts";

/**
 * Refuses values that cannot stand in a file whose lines mean something: a line break would begin a line of its own.
 *
 * @param values By what they are: `the path of the database`
 * @param language What they would be written into: `a systemd unit`
 * @throws {HarborError} `usage`
 */
export function refuseControls(
  values: readonly (readonly [what: string, value: string])[],
  language: string,
): void {
  const [what, value] = values.find(([, value]) => hasControls(value)) ?? [];
  if (what === undefined || value === undefined) return;
  throw unholdable({ what, value, language }, "it holds a line break or another control character");
}

/** Whether a text holds a line break or another control character. */
export function hasControls(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** Returns the error for a value that a language has no way to write. */
export function unholdable(
  { what, value, language }: { readonly what: string; readonly value: string; readonly language: string },
  state: string,
): HarborError {
  return new HarborError("usage", `Cannot write ${what} "${value}" into ${language}: ${state}`, {
    hint: "Use another name.",
  });
}
