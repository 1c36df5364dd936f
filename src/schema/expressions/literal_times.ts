import { canonical } from "../same_schema.ts";

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** The forms of a day that mean the same in every session. */
const days: readonly RegExp[] = [
  /^(?<year>\d{4,})-(?<month>\d\d?)-(?<day>\d\d?)$/,
  /^(?<year>\d{4})\/(?<month>\d\d?)\/(?<day>\d\d?)$/,
  /^(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)$/,
  /^(?<name>[a-z]{3,9})\s+(?<day>\d\d?),?\s+(?<year>\d{4})$/i,
  /^(?<day>\d\d?)[\s-](?<name>[a-z]{3,9})[\s-](?<year>\d{4})$/i,
];

/** Returns the day of a date, also of one with a time behind it, as `1999-01-08`; `null` for what is not understood. */
export function dayOf(text: string): string | null {
  const bare = text.trim().replace(/[T ](?:[01]?\d|2[0-3]):\d\d(?::\d\d(?:\.\d*)?)?Z?$/, "");
  if (bare.toLowerCase() === "epoch") return "1970-01-01";
  const found = days.map((form) => form.exec(bare)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return null;
  const { year, month, name, day } = found;
  const number = month ?? months.indexOf(name!.slice(0, 3).toLowerCase()) + 1;
  return number === 0 ? null : `${year}-${String(number).padStart(2, "0")}-${day!.padStart(2, "0")}`;
}

/** Returns a time of day in seconds, with its fraction; `null` when it is none. */
export function secondsOf(text: string): string | null {
  if (text.trim().toLowerCase() === "allballs") return "0.";
  const [, hours, minutes, seconds = "0", fraction = "", half] =
    /^\s*(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d*))?)?\s*([ap]m)?\s*$/i.exec(text) ??
      /^\s*(\d\d)(\d\d)(\d\d)(?:\.(\d*))?\s*$/.exec(text) ?? [];
  if (hours === undefined) return null;
  const hour = half === undefined
    ? Number(hours)
    : Number(hours) % 12 + (half.toLowerCase() === "pm" ? 12 : 0);
  const whole = hour * 3600 + Number(minutes) * 60 + Number(seconds);
  return `${whole}.${fraction.replace(/0+$/, "")}`;
}

/** Returns a time of day with the minutes of its zone; one that is not understood as it stands. */
export function readZonedTime(text: string): string {
  const [, time = "", , sign = "+", hours = "0", minutes = "0"] =
    /^\s*([\d:.]+)\s*(Z|([+-])(\d\d?)(?::?(\d\d))?)\s*$/i.exec(text) ?? [];
  const seconds = secondsOf(time);
  return seconds === null ? text : `${seconds} ${sign}${Number(hours) * 60 + Number(minutes)}`;
}

/**
 * Returns a moment in seconds; one that is not understood as it stands. Sessions are in UTC, so that is what one without a zone is
 * in.
 */
export function readMoment(text: string, isZoned: boolean): string {
  const [, date = "", time = "00:00", sign = "+", hours = "0", minutes = "0"] =
    /^\s*(.*?\d|epoch)(?:[T ]+(\d\d?:[\d:.]+(?: ?[ap]m)?)\s*(?:Z|UTC|([+-])(\d\d?)(?::?(\d\d))?)?)?\s*$/i
      .exec(text) ?? [];
  const seconds = secondsOf(time);
  const midnight = Date.parse(`${dayOf(date)}T00:00:00Z`);
  if (seconds === null || Number.isNaN(midnight)) return text;
  const [whole, fraction] = seconds.split(".");
  const offset = isZoned ? Number(`${sign}1`) * (Number(hours) * 3600 + Number(minutes) * 60) : 0;
  return `${midnight / 1000 + Number(whole) - offset}.${fraction}`;
}

/** Returns a moment, a time of day or an interval by its value, whichever a text is read as; any other text as it stands. */
export function timeOf(text: string): string {
  const moment = readMoment(text, true);
  if (moment !== text) return moment;
  const interval = /\d/.test(text) ? readInterval(text) : text;
  return interval !== text ? interval : secondsOf(text) ?? text;
}

/** Months, days and microseconds, which PostgreSQL keeps apart. */
const units: readonly (readonly [name: RegExp, part: "months" | "days" | "seconds", size: number])[] = [
  [/^y(?:ears?|rs?)?$/, "months", 12],
  [/^mon(?:th)?s?$/, "months", 1],
  [/^w(?:eeks?)?$/, "days", 7],
  [/^d(?:ays?)?$/, "days", 1],
  [/^h(?:ours?|rs?)?$/, "seconds", 3600],
  [/^m(?:in(?:ute)?s?)?$/, "seconds", 60],
  [/^s(?:ec(?:ond)?s?)?$/, "seconds", 1],
];

/** Returns an interval as what PostgreSQL keeps of it; one that is not understood as it stands. */
export function readInterval(text: string): string {
  const sums = { months: 0, days: 0, seconds: 0 };
  /** A part of a year is whole months, one of a month days of thirty, and one of a day seconds. */
  const add = (part: keyof typeof sums, count: number, size: number) => {
    const [whole, rest] = size === 12 ? [Math.round(count * size), 0] : partsOf(count * size);
    if (part === "seconds") sums.seconds += count * size;
    else {
      sums[part] += whole;
      if (part === "months" && rest !== 0) add("days", rest, 30);
      else if (rest !== 0) sums.seconds += Math.round(rest * 86_400_000_000) / 1_000_000;
    }
  };
  // A number alone is seconds.
  if (/^\s*[+-]?\d+(?:\.\d+)?\s*$/.test(text)) return readInterval(`${text} s`);
  const [, forth = "", ago] = /^(.*?)(\s+ago)?\s*$/s.exec(withWords(text.toLowerCase()))!;
  const rest = forth
    .replace(
      /^\s*(-?)(\d+)-(\d+)\s*$/,
      (_, sign, years, months) => `${sign}${years} years ${sign}${months} months`,
    )
    .replaceAll(/([+-]?)(\d+):(\d\d?)(?::(\d\d(?:\.\d+)?))?/g, (_, sign, hours, minutes, seconds = "0") => {
      const all = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
      sums.seconds += sign === "-" ? -all : all;
      return "";
    })
    .replaceAll(/([+-]?\d+(?:\.\d+)?)\s*([a-z]+)/g, (said, count, name) => {
      const [, part, size] = units.find(([pattern]) => pattern.test(name)) ?? [];
      if (part === undefined || size === undefined) return said;
      add(part, Number(count), size);
      return "";
    });
  if (rest.replace(/^\s*@/, "").trim() !== "") return text;
  const sign = ago === undefined ? 1 : -1;
  return canonical(Object.fromEntries(Object.entries(sums).map(([part, sum]) => [part, sign * sum + 0])));
}

/** Returns a number before and behind its point, with as many digits as PostgreSQL counts. */
function partsOf(count: number): readonly [whole: number, rest: number] {
  const rounded = Number(count.toFixed(9));
  return [Math.trunc(rounded), Number((rounded - Math.trunc(rounded)).toFixed(9))];
}

/** Writes `p1y2m3dt4h5m6s` in words. Source: https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-INTERVAL-INPUT */
function withWords(text: string): string {
  const [, days, times = ""] =
    /^\s*p((?:[+-]?\d+[ymwd])*)(?:t((?:[+-]?\d+(?:\.\d+)?[hms])+))?\s*$/.exec(text) ?? [];
  return days === undefined ? text : `${days.replaceAll("m", "mon ")} ${times.replaceAll("m", "min ")}`;
}
