import type { PgColumn } from "drizzle-orm/pg-core";

/** How the values of a column go to SQLite and come back, for programs that read and write through Drizzle. */
export interface ValueCodec {
  toDriver(value: unknown): unknown;
  fromDriver(value: unknown): unknown;
}

/**
 * Returns the codec by which a column of SQLite has the same values in a program as its twin on PostgreSQL.
 *
 * Times are text in the one form that `verify` knows (`YYYY-MM-DD HH:MM:SS`, with six digits of a fraction or none),
 * with a zone in UTC.
 */
export function sqliteValues(column: PgColumn): ValueCodec {
  const codec = codecs[column.columnType];
  if (codec !== undefined) return codec(column as PgColumn & ColumnFacts);
  return {
    toDriver: (value) => column.mapToDriverValue(value),
    fromDriver: (value) => column.mapFromDriverValue(value),
  };
}

/** What some columns say beside what all say. */
interface ColumnFacts {
  readonly withTimezone?: boolean;
  readonly scale?: number;
}

const codecs: Readonly<Record<string, (column: ColumnFacts) => ValueCodec>> = {
  PgBoolean: () => ({ toDriver: Number, fromDriver: (value) => Boolean(Number(value)) }),
  PgBigInt53: () => ({ toDriver: (value) => value, fromDriver: Number }),
  PgBigInt64: () => ({ toDriver: (value) => value, fromDriver: (value) => BigInt(String(value)) }),
  PgBigSerial53: () => ({ toDriver: (value) => value, fromDriver: Number }),
  PgBigSerial64: () => ({ toDriver: (value) => value, fromDriver: (value) => BigInt(String(value)) }),
  PgNumeric: ({ scale }) => ({
    toDriver: (value) => value,
    // PostgreSQL gives all digits of the scale back.
    fromDriver: (value) =>
      typeof value === "number" && scale !== undefined ? value.toFixed(scale) : String(value),
  }),
  PgNumericNumber: () => ({ toDriver: (value) => value, fromDriver: Number }),
  PgNumericBigInt: () => ({ toDriver: (value) => value, fromDriver: (value) => BigInt(String(value)) }),
  PgJson: () => json,
  PgJsonb: () => json,
  PgDate: () => ({
    toDriver: (value) => (value as Date).toISOString().slice(0, 10),
    fromDriver: (value) => new Date(`${value}T00:00:00Z`),
  }),
  PgTimestamp: () => ({
    toDriver: (value) => momentText(value as Date),
    fromDriver: (value) => readMoment(String(value)),
  }),
  PgTimestampString: ({ withTimezone = false }) => ({
    toDriver: (value) => momentOfText(String(value), withTimezone),
    fromDriver: (value) => withTimezone ? `${value}+00` : value,
  }),
};

const json: ValueCodec = {
  toDriver: (value) => JSON.stringify(value),
  // A number in JSON is a number on SQLite, too.
  fromDriver: (value) => JSON.parse(String(value)),
};

/** Returns a moment as SQLite keeps it: `2026-01-02 03:04:05`, or with a fraction of six digits. */
export function momentText(moment: Date): string {
  const [day, time] = moment.toISOString().split("T") as [string, string];
  const [seconds, fraction] = time.slice(0, -1).split(".") as [string, string];
  return `${day} ${seconds}${fraction === "000" ? "" : `.${fraction}000`}`;
}

function readMoment(text: string): Date {
  // Some runtimes read three digits of a fraction only. Another program may have written the zone.
  const [, moment = text, zone = "Z"] = /^(.*?)(Z|[+-]\d\d:\d\d)?$/.exec(text.replace(" ", "T"))!;
  return new Date(`${moment.replace(/(\.\d{3})\d+$/, "$1")}${zone}`);
}

function momentOfText(text: string, hasZone: boolean): string {
  const [, day, time, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i.exec(text) ?? [];
  // What is no moment is left for the database's own rules.
  if (day === undefined) return text;
  const rest = fraction === "" || /^0+$/.test(fraction) ? "" : `.${fraction.padEnd(6, "0")}`;
  if (!hasZone || zone === undefined || /^z$/i.test(zone)) return `${day} ${time}${rest}`;
  const digits = zone.replace(":", "");
  const offset = `${digits.slice(0, 3)}:${digits.slice(3) || "00"}`;
  const moment = new Date(`${day}T${time}${offset}`);
  return `${momentText(moment)}${rest}`;
}
