import { text, type Values } from "../../cli/options.ts";

/** When the service runs, as whom, and what is started when it fails. */
export const serviceOptions = {
  at: {
    ...text("--at <time>", "when, as HH:MM (at night, another minute on each host)"),
    parse: (value: string) => {
      const [, hours = "", minutes = ""] = /^(\d{1,2}):(\d{1,2})$/.exec(value) ?? [];
      if (hours === "" || Number(hours) > 23 || Number(minutes) > 59) {
        throw new Error("use HH:MM, such as 03:30");
      }
      return `${hours.padStart(2, "0")}:${minutes.padStart(2, "0")}`;
    },
  },
  user: text(
    "--user <name>",
    "the user that the service runs as (the owner of a SQLite file, of a server's backups, else a made-up one)",
  ),
  onFailure: text(
    "--on-failure <unit>",
    "the unit to start when a run ends badly, instead of one that logs it",
  ),
};

export type ServiceValues = Values<typeof serviceOptions>;
