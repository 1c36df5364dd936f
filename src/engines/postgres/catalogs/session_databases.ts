import { quoteText } from "../../../sql/quote.ts";

/**
 * How databases are called that a process makes for itself alone: a prefix, the mark of its session on the server
 * (`<server process>_<second in which that began>`), and something random. The mark ends with the session, so that what was left
 * behind is known by it.
 */
const mark = (session: string) =>
  `concat(${session}.pid, '_', floor(extract(epoch FROM ${session}.backend_start)))`;

/** Reads the mark of the session itself, as `began`. */
export const ownMarkQuery = `SELECT ${
  mark("a")
} AS began FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()`;

/**
 * Returns the query for databases, as `name`, whose maker's session has ended: its process was killed, or the connection lost. What
 * somebody is connected to is left for the next time.
 */
export function leftoversQuery(prefix: string): string {
  return `SELECT d.datname AS name FROM pg_database d
    WHERE d.datname ~ '^${prefix}[0-9]+_[0-9]+_[0-9a-f]+$' AND pg_has_role(d.datdba, 'MEMBER')
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE strpos(d.datname, concat('${prefix}', ${
    mark("a")
  }, '_')) = 1)
      AND NOT EXISTS (SELECT FROM pg_stat_activity u WHERE u.datid = d.oid AND u.usesysid IS NOT NULL)`;
}

/** How databases are called that copies are restored into, to prove them or to try something. */
export const scratchPrefix = "harbor_scratch_";

/** How databases of proofs are called, and what roles are marked with that scripts make there. */
export const proofPrefix = "harbor_db_proof_";

/** The comment on a role `r`. */
const comment = "coalesce(shobj_description(r.oid, 'pg_authid'), '')";

/**
 * Returns the query for all roles: `name`, the `comment` on it, `proof`: of one that is marked as that of a proof whether that is
 * still at work, since its process may have been killed; `null` of any other; and `others`: whether it is neither the session's own
 * nor one of PostgreSQL's.
 */
export function rolesQuery(prefix: string): string {
  return `SELECT r.rolname AS name, ${comment} AS comment,
    r.rolname !~ '^pg_' AND r.rolname NOT IN (current_user, session_user) AS others,
    CASE WHEN ${comment} ~ '^${prefix}[0-9]+_[0-9]+_[0-9a-f]+$' THEN EXISTS (
    SELECT FROM pg_stat_activity a WHERE strpos(${comment}, concat('${prefix}', ${
    mark("a")
  }, '_')) = 1) END AS proof FROM pg_roles r`;
}

/**
 * Returns the statement that marks roles as those of a proof: new ones without a comment that scripts may have made.
 *
 * @param others What those are called that others have
 * @param names What scripts may call new ones, in small letters
 */
export function markQuery(mark: string, others: readonly string[], names: Iterable<string>): string {
  const texts = (each: Iterable<string>) => `(ARRAY[${[...each].map(quoteText)}])`;
  const body = `DECLARE marked record; BEGIN
    FOR marked IN SELECT rolname AS name FROM pg_roles r WHERE rolname <> ALL ${texts(others)}
      AND lower(rolname::text COLLATE "C") = ANY ${texts(names)} AND ${comment} = ''
    LOOP
      BEGIN
        EXECUTE format('COMMENT ON ROLE %I IS %L', marked.name, '${mark}');
      EXCEPTION WHEN insufficient_privilege THEN NULL;
      END;
    END LOOP; END`;
  return `DO ${quoteText(body)}`;
}
