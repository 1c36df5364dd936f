import { sql } from "drizzle-orm";
import { pass } from "../../../base/finding.ts";
import type { Probe } from "../../inspector.ts";

/** Whether a page has failed its checksum. */
export const checksums: Probe = {
  name: "checksums",
  async run(database) {
    const [row] = await database.read<{ failures: number | null; last: string | null }>(
      sql`SELECT checksum_failures AS failures, checksum_last_failure::text AS last FROM pg_stat_database WHERE datname = current_database()`,
    );
    const { failures = null, last = null } = row ?? {};
    if (failures === null) {
      return {
        status: "warn",
        message: "not checked: the pages on the disk, because the cluster has no data checksums",
        hint: "While the server is stopped: pg_checksums --enable; or leave it: --skip integrity",
        details: { notChecked: ["checksums"] },
      };
    }
    if (failures === 0) return pass("no page has failed its checksum");
    return {
      status: "fail",
      message: `${failures} pages failed their checksum since the statistics began, the last one at ${last}`,
      hint:
        "The disk or memory of the server is at fault: look at its log for the pages, and take a backup with harbor-db backup before anything else.",
      details: { failures, last },
    };
  },
};
