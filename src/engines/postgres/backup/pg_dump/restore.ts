import type { PostgresUrl } from "../../../../base/url/postgres_url.ts";
import { HarborError } from "../../../../base/errors.ts";
import { quoteName } from "../../../../sql/quote.ts";
import type { RestoreOptions } from "../../../backup/engine.ts";
import type { Archive } from "./archive.ts";
import { dropContent, dropSchemas, prepareSchemas, takeDownEventTriggers } from "../replace.ts";
import { findSchemas } from "../tables.ts";
import { resetRights, runUnless } from "../rights.ts";
import { query } from "../session.ts";
import type { Session } from "../../session/session.ts";
import { requireToDefine, requireToLoad } from "../../trust/trust.ts";

/**
 * Puts what an archive holds in the place of what the schema holds, in a transaction of the caller.
 *
 * @returns What of its owners and rights could not be given, and what could not be made again, as sentences
 * @throws {HarborError} `backup_failed` when something outside the schema depends on what is replaced
 */
export async function restoreArchive(
  session: Session,
  { archive, url, options }: {
    readonly archive: Archive;
    readonly url: PostgresUrl;
    readonly options: RestoreOptions | undefined;
  },
): Promise<readonly string[]> {
  const { schemas } = archive;
  const [home] = schemas;
  const there = await findSchemas(session, home);
  await prepareSchemas(session, url, schemas);
  const all = [...new Set([...schemas, ...there])];
  const putUpEventTriggers = await takeDownEventTriggers(session, all);
  await dropContent(session, { schemas: all, what: "all" });
  await dropSchemas(session, all.filter((name) => !schemas.includes(name)));
  const strangers = await findStrangers(session, archive);
  const owners = strangers.length === 0;
  await loadArchive(session, archive, {
    owners,
    async beforeRows(after) {
      await requireToLoad(session, url);
      // What others own, the server makes with their rights.
      if (!owners) await requireToDefine(session, url, after);
    },
  });
  const leftOut = await giveArchivedRights(session, archive);
  const lost = await putUpEventTriggers();
  // The answer does not matter: when the lock was lost meanwhile, asking for its holder fails.
  await options?.database?.lockHolder();
  const named = strangers.map(quoteName).join(", ");
  return [
    ...lost,
    ...owners ? [] : [
      `owners are not those of the copy: all belongs to this role, since there is no role ${named}, or this one may not act as it`,
    ],
    ...leftOut.slice(0, shownRights),
    ...leftOut.length > shownRights ? [`${leftOut.length - shownRights} more rights were not given`] : [],
  ];
}

/** How many rights that could not be given are shown one by one. */
const shownRights = 5;

/** Runs all of an archive's statements but those about rights, in a transaction of the caller. */
export async function loadArchive(
  session: Session,
  archive: Archive,
  { owners, beforeRows, behindRows }: {
    readonly owners: boolean;
    /** Runs when the tables are there and nothing of theirs has run. */
    readonly beforeRows?: (after: string) => Promise<unknown>;
    /** Runs when the rows are there, before their keys. */
    readonly behindRows?: (after: string) => Promise<unknown>;
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
  await behindRows?.(after);
  await session.script(after);
}

function foreignRows(schema: string): HarborError {
  return new HarborError(
    "backup_failed",
    `Cannot restore "the copy": it holds rows of schema "${schema}" too`,
    { hint: "It is not as harbor-db made it. See what other backups there are: harbor-db backup list" },
  );
}

/** Returns the owners that do not exist here, or that this role may not make things theirs. */
async function findStrangers(session: Session, archive: Archive): Promise<readonly string[]> {
  const roles = await query<{ name: string }>(
    session,
    "SELECT rolname AS name FROM pg_roles WHERE pg_has_role(oid, 'MEMBER')",
  );
  const known = new Set(roles.map(({ name }) => name));
  return (await archive.owners()).filter((owner) => !known.has(owner));
}

/**
 * Gives the rights that the archive has, and takes those that the database's defaults gave on the way. Rights of roles
 * that do not exist here are left out.
 *
 * @returns Those that are left out, as sentences
 */
async function giveArchivedRights(session: Session, archive: Archive): Promise<readonly string[]> {
  await resetRights(session, archive.schemas);
  const leftOut: string[] = [];
  for (const statement of await archive.rights()) {
    // undefined_object: the role. insufficient_privilege: somebody else's default privileges.
    const failed = await runUnless(session, [statement], ["42704", "42501"]);
    // Who has no right needs none taken, and what stands around a right says in whose name it is given.
    if (failed === null || !/^(GRANT|ALTER) /.test(statement)) continue;
    const why = failed === "42704" ? "there is no such role" : "this role may not";
    leftOut.push(`not given, since ${why}: ${statement}`);
  }
  return leftOut;
}
