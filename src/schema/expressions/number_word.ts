/** A number that stands in an expression, and where it ends. */
export interface NumberWord {
  readonly word: string;
  readonly end: number;
}

/**
 * Reads the number that begins at a place (`5`, `5.`, `.5`, `1e-2`); `null` where none does.
 *
 * @param isPrinted Whether it is to be as PostgreSQL prints it, without exponent: `1.50e1` is `15.0`, which has a fraction and
 * divides as `15` does not
 */
export function numberWord(text: string, at: number, isPrinted: boolean): NumberWord | null {
  const found = /^(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d{1,3}))?(?![\p{L}\p{N}_.])/iu.exec(text.slice(at));
  if (found === null) return null;
  const [all, whole = "", fraction = found[3] ?? "", , exponent = "0"] = found;
  const end = at + all.length;
  if (!isPrinted) return { word: all.toLowerCase(), end };
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const before = digits.slice(0, Math.max(0, point)).padEnd(point, "0").replace(/^0+(?=\d)/, "") || "0";
  const behind = "0".repeat(Math.max(0, -point)) + digits.slice(Math.max(0, point));
  return { word: behind === "" ? before : `${before}.${behind}`, end };
}
