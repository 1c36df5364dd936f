import { HarborError, messageOf } from "../../../base/errors.ts";
import type { HostFile } from "../../../base/url/postgres_url.ts";
import { type HostScript, readHost } from "../../../history/host.ts";
import { scriptChecksum } from "../../../history/history.ts";
import type { ProofHost } from "../../backup/content.ts";
import { sqlStateOf } from "../session/errors.ts";
import type { Session } from "../session/session.ts";

/** Reads what a project says of its host; what is wrong with that where it cannot be read, and `null` where nothing is said. */
export function readHostFile(hostFile: HostFile | undefined): HostScript | ProofHost | null {
  try {
    return hostFile === undefined ? null : readHost({ host: hostFile });
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const { file, text } = hostFile!;
    return { file, sha256: scriptChecksum(text() ?? ""), fault: error.message };
  }
}

/**
 * Makes what the host brings; returns why it could not be, `null` when it was. No roles: those that the database names are
 * there, on its own server.
 */
export async function bringHost(
  scratch: Session,
  path: string,
  { file, statements }: HostScript,
): Promise<string | null> {
  let line = 0;
  try {
    await scratch.script(`BEGIN; SET LOCAL search_path = ${path}`);
    for (const each of statements) {
      line = each.line;
      await scratch.script(each.sql);
    }
    await scratch.script("COMMIT");
    return null;
  } catch (error) {
    if (scratch.hasEnded()) throw error;
    await scratch.script("ROLLBACK");
    return `${file}:${line}: ${messageOf(error)}`;
  }
}

/** Whether an error says that there is such a thing already. */
export function isDuplicate(error: unknown): boolean {
  // A table, type or index; a function; a schema; anything else.
  return ["42P07", "42723", "42P06", "42710"].includes(sqlStateOf(error) ?? "");
}
