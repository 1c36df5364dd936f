import type { PostgresUrl } from "../../../../base/url/postgres_url.ts";
import { HarborError } from "../../../../base/errors.ts";
import type { RestoreOptions } from "../../../backup/engine.ts";
import type { Archive } from "./archive.ts";
import { dropContent, dropSchemas, prepareSchemas } from "../replace.ts";
import { findSchemas } from "../tables.ts";
import { resetRights, runUnless } from "../rights.ts";
import { query } from "../session.ts";
import type { Session } from "../../session/session.ts";
import { requireToDefine, requireToLoad } from "../../trust/trust.ts";

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
  const { schemas } = archive;
  const [home] = schemas;
  const there = await findSchemas(session, home);
  await prepareSchemas(session, url, schemas);
  const all = [...new Set([...schemas, ...there])];
  await dropContent(session, { schemas: all, what: "all" });
  await dropSchemas(session, all.filter((name) => !schemas.includes(name)));
  const owners = await mayGiveAway(session, archive);
  await loadArchive(session, archive, {
    owners,
    async beforeRows(after) {
      await requireToLoad(session, url);
      // What others own, the server makes with their rights.
      if (!owners) await requireToDefine(session, url, after);
    },
  });
  await giveArchivedRights(session, archive);
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
    readonly beforeRows?: (after: string) => Promise<unknown>;
  },
): Promise<void> {
  const { before, after } = await archive.statements({ owners, rights: false });
  await session.script(before);
  await beforeRows?.(after);
  await archive.data({
    async rows(table, rows) {
      if (!archive.schemas.includes(table.schema)) throw foreignRows(table.schema);
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
    { hint: "It is not as harbor-db made it. See what other backups there are: harbor-db backup list" },
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
async function giveArchivedRights(session: Session, archive: Archive): Promise<void> {
  await resetRights(session, archive.schemas);
  for (const statement of await archive.rights()) {
    // undefined_object: the role. insufficient_privilege: somebody else's default privileges.
    await runUnless(session, [statement], ["42704", "42501"]);
  }
}
