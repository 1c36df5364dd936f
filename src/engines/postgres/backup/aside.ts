import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { HarborError } from "../../../base/errors.ts";
import type { Client } from "../../database.ts";
import type { Scratch } from "../../scratch.ts";
import { withScratch } from "./scratch.ts";
import { openPostgres } from "../driver.ts";

/**
 * Returns a scratch database on the server of a database, with its extensions and its names, which is gone afterwards; what a
 * process that was killed left of one goes with the next backup.
 *
 * @throws {HarborError} `check_failed` when the role may make none, or the server has no room
 */
export function postgresAside(url: PostgresUrl, client: Client, signal: AbortSignal): Scratch {
  return async <T>(work: Parameters<Scratch>[0]) => {
    const task = { url, client, signal, verb: "examine" } as const;
    const { restored, notRestored } = await withScratch(
      task,
      { holds: "all", isTried: false },
      async (_, { url }) => {
        const database = await openPostgres(url, { client, access: "write" });
        try {
          return { result: await work(database) as T };
        } finally {
          await database.close();
        }
      },
    );
    if (restored !== null) return restored.result;
    throw new HarborError("check_failed", `Cannot try scripts beside "${url.display}"`, {
      state: notRestored,
    });
  };
}
