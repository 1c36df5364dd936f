import { deliveryOptions, folderOptions, identityOption } from "../backup/options.ts";
import { duration } from "../../cli/duration_option.ts";
import { flag, text, type Values } from "../../cli/options.ts";

/** The options of `verify` that say what a run does; `schedule` writes them into what it makes. */
export const verifyOptions = {
  only: text("--only <checks>", "make these checks only, separated by commas"),
  skip: text("--skip <checks>", "leave these checks out"),
  quick: flag("--quick", "leave out what looks at every row of the engine's own files"),
  strict: flag("--strict", "let warnings count as failures"),
  maxDuration: duration(
    "--max-duration <time>",
    "stop after this time, and say what was not checked",
    1_800_000,
  ),
  maxBackupAge: duration("--max-backup-age <time>", "how old the newest backup may be", 26 * 3_600_000),
  ...folderOptions,
  copyTo: {
    ...deliveryOptions.copyTo,
    summary: "look that the newest backup is in this bucket, too: s3://bucket/prefix (none: in none)",
  },
  ...identityOption,
  restoreDrill: flag("--restore-drill", "restore the newest backup into a scratch place and compare it"),
  report: text("--report <file>", "write a page to look at (HTML)"),
  prometheus: text("--prometheus <file>", "write metrics for node_exporter's textfile collector"),
  ping: {
    ...text("--ping <url>", "tell a monitor like healthchecks.io about start, success and failure"),
    shown: () => "(not shown)",
    parse: (value: string) => {
      if (/^https?:$/.test(URL.parse(value)?.protocol ?? "")) return value;
      throw new Error("use a URL that begins with https:// or http://");
    },
  },
  log: text("--log <file>", "append the result to this file as one line of JSON"),
};

export type VerifyValues = Values<typeof verifyOptions>;
