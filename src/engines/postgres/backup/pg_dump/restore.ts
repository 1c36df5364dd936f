import type { PostgresUrl } from "../../../../base/url/postgres_url.ts";
import { HarborError } from "../../../../base/errors.ts";
import { quoteText } from "../../../../sql/quote.ts";
import type { RestoreOptions } from "../../../backup_engine.ts";
import type { Archive } from "./archive.ts";
import { runUnless } from "../dependents.ts";
import { dropContent, prepareSchema } from "../replace.ts";
import { query } from "../session.ts";
import { isNotOfExtension } from "../tables.ts";
import type { Session } from "../../session.ts";
import { loadsUntrusted } from "../../trust.ts";

/**
 * Puts what an archive holds in the place of what the schema holds, in a transaction of the caller.
 *
 * @throws {HarborError} `backup_failed` when something outside the schema depends on what is replaced
 */
export async function restoreArchive(
  session: Session,
  { archive, url, options }: {
    readonly archive: Archive;
    readonly url: PostgresUrl;
    readonly options: RestoreOptions | undefined;
  },
): Promise<void> {
  const { schema } = archive;
  await prepareSchema(session, url, schema);
  await dropContent(session, { schema, what: "all" });
  await loadArchive(session, archive, {
    owners: await mayGiveAway(session, archive),
    beforeRows: () => loadsUntrusted(session, url, { isRefused: true }),
  });
  await giveRights(session, archive);
  // The answer does not matter: when the lock was lost meanwhile, asking for its holder fails.
  await options?.database?.lockHolder();
}

/** Runs all of an archive's statements but those about rights, in a transaction of the caller. */
export async function loadArchive(
  session: Session,
  archive: Archive,
  { owners, beforeRows }: {
    readonly owners: boolean;
    /** Runs when the tables are there and nothing of theirs has run. */
    readonly beforeRows?: () => Promise<unknown>;
  },
): Promise<void> {
  const { before, after } = await archive.statements({ owners, rights: false });
  await session.script(before);
  await beforeRows?.();
  await archive.data({
    async rows(table, rows) {
      if (table.schema !== archive.schema) throw foreignRows(table.schema);
      await session.copyIn(table.statement, rows);
    },
    statements: (text) => session.script(text),
  });
  await session.script(after);
}

function foreignRows(schema: string): HarborError {
  return new HarborError(
    "backup_failed",
    `Cannot restore "the copy": it holds rows of schema "${schema}" too`,
  );
}

/** Whether all owners exist here, and the role may make things theirs. */
async function mayGiveAway(session: Session, archive: Archive): Promise<boolean> {
  const roles = await query<{ name: string }>(
    session,
    "SELECT rolname AS name FROM pg_roles WHERE pg_has_role(oid, 'MEMBER')",
  );
  const known = new Set(roles.map(({ name }) => name));
  return (await archive.owners()).every((owner) => known.has(owner));
}

/**
 * Gives the rights that the archive has, and takes those that the database's defaults gave on the way. Rights of roles
 * that do not exist here are left out.
 */
async function giveRights(session: Session, archive: Archive): Promise<void> {
  const [row] = await query<{ text: string | null }>(
    session,
    byDefault.replaceAll("$schema", () => quoteText(archive.schema)),
  );
  if (row?.text) await session.script(row.text);
  for (const statement of await archive.rights()) {
    // undefined_object: the role. insufficient_privilege: somebody else's default privileges.
    await runUnless(session, statement, ["42704", "42501"]);
  }
}

const byDefault = `SELECT string_agg(DISTINCT text, '; ') AS text FROM (
  SELECT format('REVOKE ALL ON %s %s FROM %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
    c.oid::regclass, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL aclexplode(c.relacl)
  WHERE n.nspname = $schema AND grantee <> c.relowner AND ${isNotOfExtension("pg_class", "c.oid")}
  UNION ALL
  SELECT format('REVOKE ALL ON ROUTINE %s FROM %s', p.oid::regprocedure, grantee::regrole)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, LATERAL aclexplode(p.proacl)
  WHERE n.nspname = $schema AND grantee NOT IN (0, p.proowner)
    AND ${isNotOfExtension("pg_proc", "p.oid")}
) AS given`;
