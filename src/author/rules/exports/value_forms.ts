/**
 * Says whether PostgreSQL may take a text for a date, with a time of day behind it or without. Only what is of the form
 * `2024-02-29` is looked at; of its many others those without any digit and word are refused.
 *
 * Source: https://www.postgresql.org/docs/current/datatype-datetime.html
 */
export function mayBeDate(text: string): boolean {
  const [, year, month, day, rest = ""] = /^(\d{4,})-(\d{1,2})-(\d{1,2})(?!\d)(.*)$/s.exec(text) ?? [];
  if (year === undefined) {
    return /\d|^(?:-?infinity|epoch|now|today|tomorrow|yesterday)/i.test(text);
  }
  // Which years before Christ have a leap day is left to the server.
  const isBefore = /\bBC$/i.test(rest);
  const days = new Date(Date.UTC(isBefore ? 2000 : Number(year) % 400 + 2000, Number(month), 0)).getUTCDate();
  const isDay = Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= days;
  return Number(year) > 0 && isDay && mayBeTime(rest.replace(/^(?:\s+|T)/i, ""));
}

/** Says whether PostgreSQL may take a text for a time of day. Only what begins as `12:30` is looked at; `25:10.5` has no hours. */
export function mayBeTime(text: string): boolean {
  const [, hour, minute = "0", second = "0", rest = ""] =
    /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?(?![\d:])(.*)$/s.exec(text) ?? [];
  if (hour === undefined || rest.startsWith(".")) return true;
  const isHalf = /^\s*[ap]m\b/i.test(rest);
  const isMidnight = Number(hour) === 24 && Number(minute) === 0 && Number(second) === 0;
  const isHour = isHalf ? Number(hour) <= 12 : Number(hour) < 24 || isMidnight;
  return isHour && Number(minute) < 60 && Number(second) < 61;
}

/** Says whether PostgreSQL takes a number for `numeric(precision, scale)`: it is rounded, and has to have place then. */
export function fitsNumeric(text: string, precision: number, scale: number): boolean {
  if (/^[+-]?infinity$/i.test(text)) return false;
  const [, whole = "", part = "", power = "0"] = /^[+-]?(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = (whole + part).replace(/^0+/, "");
  // The digits that stand before the last place that is kept, as many as there are places for them.
  const kept = digits.length - part.length + Number(power) + scale;
  if (digits === "" || kept < 0) return true;
  if (kept > precision) return false;
  const isUp = (digits[kept] ?? "0") >= "5";
  const value = BigInt(digits.slice(0, kept).padEnd(kept, "0") || "0") + (isUp ? 1n : 0n);
  return value < 10n ** BigInt(precision);
}
