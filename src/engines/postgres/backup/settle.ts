import type { Session } from "../session/session.ts";
import { aside, query } from "./session.ts";

/**
 * Returns what has the server write to the disk what restoring, reading and earlier runs left in memory. Else it does that while steps
 * run, which wait for it; and it writes each page whole at its first change behind a checkpoint, as it will in the database itself.
 *
 * @returns Also what is otherwise where the role may not ask for that, as sentences
 */
export async function settling(
  scratch: Session,
): Promise<{ readonly settle: () => Promise<void>; readonly remarks: readonly string[] }> {
  const [role] = await aside(scratch, () => query<{ may: boolean }>(scratch, mayCheckpoint));
  return role?.may === true
    ? { settle: () => scratch.script("CHECKPOINT"), remarks: [] }
    : { settle: () => Promise.resolve(), remarks: [isUnwritten] };
}

/** Source: https://www.postgresql.org/docs/current/sql-checkpoint.html; before version 15 there is no such role. */
const mayCheckpoint =
  "SELECT rolsuper OR coalesce(pg_has_role(to_regrole('pg_checkpoint')::oid, 'USAGE'), false) AS may " +
  "FROM pg_roles WHERE rolname = current_user";

const isUnwritten =
  "The role may not have the server write to the disk what was restored (pg_checkpoint, from PostgreSQL 15 on): it does that while steps run, which may take longer for it, and of WAL they write less.";
