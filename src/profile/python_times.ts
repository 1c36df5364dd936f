import { sql } from "drizzle-orm";
import type { Profile } from "./profile.ts";

/** Times of PostgreSQL's for which Python has no room, and with it an application of SQLAlchemy's. */
export const pythonTimes: Profile["postgresForms"] = [
  [/^timestamp[^[]*$/, {
    words: "a date and time that the application cannot read: infinite, or outside the years 1 to 9999",
    isWrong: (value) =>
      sql`${value} < timestamp '0001-01-01 00:00:00' OR ${value} >= timestamp '10000-01-01 00:00:00'`,
  }],
  [/^date$/, {
    words: "a date that the application cannot read: infinite, or outside the years 1 to 9999",
    isWrong: (value) => sql`${value} < date '0001-01-01' OR ${value} >= date '10000-01-01'`,
  }],
  [/^time\b[^[]*$/, {
    words: "the time 24:00:00, which the application cannot read",
    isWrong: (value) => sql`${value} = time '24:00:00'`,
  }],
];
