import { randomBytes } from "node:crypto";
import type { SQL } from "drizzle-orm";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { HarborError, messageOf } from "../../../base/errors.ts";
import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import type { HostScript } from "../../../history/host.ts";
import { namedReferences, type NotRestored, type ProofHost } from "../../backup/content.ts";
import { notRehearsed, type Trial, type TrialObstacle } from "../../backup/engine.ts";
import { aside, type BackupTask, inTransaction, isUndefined, query, withBackupSession } from "./session.ts";
import { leftoversQuery, ownMarkQuery, proofPrefix, scratchPrefix } from "../catalogs/session_databases.ts";
import { type ProofRoles, watchRoles } from "../proof_roles.ts";
import { rehearsalTryout, type Tryout } from "../within_database.ts";
import { textOf } from "../session/statement.ts";
import type { Session } from "../session/session.ts";
import { sqlStateOf } from "../session/errors.ts";
import { bringHost, isDuplicate, readHostFile } from "./bring_host.ts";
import { isNotOfExtension } from "../catalogs/words.ts";
import { holdDigests } from "./hold_digests.ts";
import { type Held, listMakeable, type Makeable, readNeeds } from "./needs.ts";
import { settling } from "./settle.ts";
import { openStandIns, type StandIns } from "./stand_in.ts";
import { countNow } from "../watch/locks.ts";
import { type ArchivedCode, callsUntrusted, ownersToTry, untrustedOnLoad } from "../trust/trust.ts";

/** What came of work in a scratch database, or why there could be none. */
export type ScratchResult<T> =
  & {
    /** What was made there first; `null` where nothing was asked for. */
    readonly host: ProofHost | null;
    /** The references out of what was restored there, to rows that were made up; left out where there are none. */
    readonly notFollowed?: readonly string[];
  }
  & (
    | { readonly restored: T; readonly notRestored: null }
    | { readonly restored: null; readonly notRestored: NotRestored }
  );

/** Where work in a scratch database finds what is there. */
export interface Aside {
  /** The address by which another session has the names of the database itself. */
  readonly url: PostgresUrl;
  /** Statements that give what a trial may call to whom it belongs: all that is made there is ours. */
  readonly owners: readonly string[];
  readonly standIns: StandIns;
  /** What scripts of a trial may not change, since the whole server has it; `null` where nothing is tried. */
  readonly reach: TrialReach | null;
}

/** What is going to be done in a scratch database. */
export interface Wanted {
  /** What of the schema is restored there. */
  readonly holds: Held;
  /** Whether something is tried there, which changes rows and definitions. */
  readonly isTried: boolean;
  /** Of the copy that is going to be restored there. */
  readonly code?: ArchivedCode;
}

/**
 * Runs `work` in a scratch database on the same server, with the database's encoding, locale and extensions, and
 * drops it afterwards, however `work` ends. First drops what was left behind by processes that are gone.
 *
 * @param work Gets a session there
 * @throws What `work` throws, unless what it lacked is outside of the copy: that is then the reason which is returned
 */
export async function withScratch<T>(
  task: BackupTask,
  wanted: Wanted,
  work: (scratch: Session, aside: Aside) => Promise<T>,
): Promise<ScratchResult<T>> {
  const asked = readHostFile(task.url.hostFile);
  const once = (script: HostScript | null, host: ProofHost | null) =>
    attempt(task, { ...wanted, script, host }, work);
  if (asked === null || "fault" in asked) return await once(null, asked);
  const { file, sha256 } = asked;
  const result = await once(asked, { file, sha256, fault: null });
  if (result.host?.fault == null || result.restored !== null) return result;
  // What the file makes may be in the copy, too, or too little.
  return await once(null, result.host);
}

/** What an attempt does beside what is {@link Wanted}. */
interface Attempt extends Wanted {
  /** Made first where the copy, or what is tried on it, may need it. */
  readonly script: HostScript | null;
  /** What is said of that. */
  readonly host: ProofHost | null;
}

async function attempt<T>(
  task: BackupTask,
  { holds, isTried, code, script, host: said }: Attempt,
  work: (scratch: Session, aside: Aside) => Promise<T>,
): Promise<ScratchResult<T>> {
  let host = said;
  const without = (notRestored: NotRestored) => ({ restored: null, notRestored, host });
  // It has to outlive a request to stop, because it drops the database.
  const lasting = { ...task, signal: new AbortController().signal };
  return await withBackupSession(lasting, async (admin) => {
    const obstacle = await obstacleOf(task, admin, isTried);
    if (obstacle !== null) return without(obstacle);
    // What is there may be harmless by now, and the copy not.
    if (code !== undefined && await aside(admin, () => callsUntrusted(admin, task.url, code))) {
      return without(untrusted);
    }
    await dropLeftovers(admin);
    const { name, create } = await aside(admin, () => describeScratch(admin));
    try {
      await admin.run([{ text: create, parameters: [] }]);
    } catch (error) {
      if (admin.hasEnded()) throw error;
      return without(sqlStateOf(error) === diskFull ? noRoom : "the server makes no scratch database");
    }
    let isOpen = false;
    let reach: TrialReach | null = null;
    try {
      if (isTried) reach = await watchReach(admin, name);
      const extensions = await aside(admin, () => listExtensions(admin));
      const makeable = holds === "all" ? [] : await inSnapshotOf(admin, () => listMakeable(admin));
      const owners = isTried ? await aside(admin, () => ownersToTry(admin, task.url)) : [];
      const place = { ...task, url: { ...task.url, database: name } };
      const inScratch = () =>
        withBackupSession(place, async (scratch) => {
          isOpen = true;
          const needs = (made: readonly string[]) => inSnapshotOf(admin, () => readNeeds(admin, holds, made));
          const isNeeded = script !== null &&
            (isTried ||
              (await needs(makeable.map(({ name }) => name))).some(({ extension }) => extension === null));
          if (script !== null && !isNeeded) host = null;
          if (script !== null && host !== null) {
            host = { ...host, fault: await bringHost(scratch, admin.path, script) };
          }
          const standIns = openStandIns(scratch);
          const unmade = new Set<string>();
          for (const { name, text } of [...extensions, ...makeable]) {
            await inTransaction(scratch, { mode: "write" }, () => scratch.script(text)).catch((error) => {
              if (scratch.hasEnded()) throw error;
              unmade.add(name);
            });
          }
          try {
            const url = {
              ...place.url,
              display: `the copy of ${task.url.display}`,
              settings: { ...task.url.settings, search_path: admin.path },
            };
            const restored = await work(scratch, { url, owners, standIns, reach });
            const { notFollowed, refusal } = standIns;
            // Whoever tries something keeps to himself what that threw.
            if (refusal !== null) throw refusal;
            return { restored, notRestored: null, host, ...notFollowed.length === 0 ? {} : { notFollowed } };
          } catch (error) {
            if (isRefusedStandIn(error, standIns)) {
              if (host?.fault === null) {
                host = {
                  ...host,
                  fault: `what ${host.file} makes takes no rows with nothing but keys: ${
                    messageOf(standIns.refusal ?? error)
                  }`,
                };
              }
              return without("its definitions need something outside of the copy");
            }
            if (host?.fault === null && isDuplicate(error)) {
              host = { ...host, fault: `${host.file} makes what the copy has: ${messageOf(error)}` };
              return without("its definitions need something outside of the copy");
            }
            if (sqlStateOf(error) === diskFull) return without(noRoom);
            if (!isUndefined(error)) throw error;
            const made = makeable.map(({ name }) => name).filter((name) => !unmade.has(name));
            const lacking = await needs(made);
            if (lacking.some(({ extension }) => extension !== null && unmade.has(extension))) {
              return without("an extension cannot be made in a scratch database");
            }
            if (lacking.some(({ extension }) => extension === null)) {
              return without("its definitions need something outside of the copy");
            }
            throw error;
          }
        });
      return await inScratch().catch((error) => {
        // A connection that breaks off once says nothing of what the role may.
        const isAnswered = !(error instanceof HarborError) || error.details.sqlState !== undefined;
        if (isOpen || isAnswered || task.signal.aborted || admin.hasEnded()) throw error;
        return inScratch();
      });
    } catch (error) {
      // A server or a pooler may admit to known databases only.
      if (isOpen || task.signal.aborted || admin.hasEnded()) throw error;
      return without("the role may not connect to a new database");
    } finally {
      if (!await drop(admin, name, true)) {
        reach?.tellLeft(`the database ${name}, which could not be dropped; what needs one next drops it`);
      }
      await reach?.roles.drop();
    }
  });
}

/** What keeps scripts of a trial within its database, and says what stays on the server all the same. */
interface TrialReach {
  /** The event triggers of the database, of which the scratch database has those of extensions alone. */
  readonly eventTriggers: readonly string[];
  readonly roles: ProofRoles;
  readonly tryout: Tryout;
  tellLeft(text: string): void;
  onLeft(tell: (sentence: string) => void): void;
}

/** Notes which roles there are before scripts are tried in a scratch database. */
async function watchReach(admin: Session, name: string): Promise<TrialReach> {
  const tryout = rehearsalTryout();
  const server = {
    read: <Row>(statement: SQL) => aside(admin, async () => [...await query<Row>(admin, textOf(statement))]),
    write: (statements: readonly SQL[]) =>
      admin.run(statements.map((each) => ({ text: textOf(each), parameters: [] }))).then(() => []),
  };
  const listeners: ((sentence: string) => void)[] = [];
  const tellLeft = (text: string) => listeners.forEach((tell) => tell(`Left on the server: ${text}.`));
  const mark = proofPrefix + name.slice(scratchPrefix.length);
  // A role that stays has the mark, by which the next proof names it, too.
  const roles = await watchRoles(server, { mark, tryout, onLeft: tellLeft });
  const eventTriggers = (await aside(admin, () => query<{ name: string }>(admin, eventTriggersQuery)))
    .map(({ name }) => name);
  return { eventTriggers, roles, tryout, tellLeft, onLeft: (tell) => void listeners.push(tell) };
}

const eventTriggersQuery =
  `SELECT v.evtname::text AS name FROM pg_event_trigger v WHERE v.evtenabled IN ('O', 'A')
  AND ${isNotOfExtension("pg_event_trigger", "v.oid")} ORDER BY 1`;

/** Whether a reference out of the copy could not be made. One that dangles within the copy is the copy's own fault. */
function isRefusedStandIn(error: unknown, { notFollowed, refusal }: StandIns): boolean {
  // The keys are not unique; or of another type.
  return refusal !== null || notFollowed.length > 0 && ["42830", "42804"].includes(sqlStateOf(error) ?? "");
}

const diskFull = "53100";
const noRoom = "the server has no room for it twice";

/** What keeps a scratch database from being made, as far as it can be seen before. */
async function obstacleOf(
  { url }: BackupTask,
  admin: Session,
  isTried: boolean,
): Promise<NotRestored | null> {
  if (!(await aside(admin, () => mayCreateDatabases(admin)))) return "the role may not create databases";
  // There all would be ours, and run with our rights.
  if (await untrustedOnLoad(admin, url, isTried) !== null) return untrusted;
  return null;
}

const untrusted = "code of a role with fewer rights would run";

/** Lets something be tried on what was restored, when the server knows its rows as it knows those of the database itself. */
export async function tryOn(
  scratch: Session,
  { content, url, owners, standIns, reach }: Pick<Trial, "content"> & Aside,
  onRestored: (trial: Trial) => Promise<void>,
): Promise<void> {
  for (const text of owners) {
    // What no copy brought cannot be called there.
    await scratch.script(text).catch((error) => {
      if (!isUndefined(error)) throw error;
    });
  }
  // Else the server does it in its own time (autovacuum), to tables that are new, and steps wait a second for each lock of it.
  // So it would for rows of the restore that it hears of only afterwards, from a session that tells it once in a second.
  if (scratch.serverVersion >= 150_000) await scratch.script(countNow);
  await scratch.script("VACUUM (ANALYZE)");
  const { settle, remarks } = await settling(scratch);
  const { madeUp, forMore } = standIns;
  await onRestored({
    content,
    url,
    options: {},
    settle,
    hold: holdDigests,
    standIn: forMore,
    ...reach === null ? {} : { guard: reach.roles.guard, onLeft: reach.onLeft },
    get remarks() {
      return [
        ...trialRemarks,
        ...remarks,
        ...madeUp.length === 0 ? [] : [madeUpText(madeUp)],
        ...eventTriggerRemarks(reach?.eventTriggers ?? []),
        ...notRehearsed(reach?.tryout.notRun ?? []),
      ];
    },
  });
}

function madeUpText(references: readonly string[]): string {
  return `Rows outside of the copy were made up with nothing but their keys, and those of the database not looked at: behind ${
    namedReferences(references)
  }.`;
}

function eventTriggerRemarks(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const which = `event trigger${names.length === 1 ? "" : "s"} ${names.join(", ")}`;
  return [`No copy holds the ${which}: what is done or refused there comes on top.`];
}

const trialRemarks = [
  "A lock is held from when it was first seen, which is looked for every few milliseconds, to the end of its transaction. Waiting for others to let go of theirs comes on top.",
  "WAL is counted for the whole server: what others wrote meanwhile, in any of its databases, is in what a step grows by.",
];

/** See `BackupEngine.trialObstacle`. */
export async function scratchObstacle(task: BackupTask): Promise<TrialObstacle | null> {
  return await withBackupSession(task, async (admin) => {
    const state = await obstacleOf(task, admin, true);
    if (state === null) return null;
    const [role] = await aside(
      admin,
      () => query<{ name: string }>(admin, "SELECT quote_ident(current_user) AS name"),
    );
    return state === untrusted
      ? {
        state: `${state}: ${await untrustedOnLoad(admin, task.url, true) ?? "it went meanwhile"}`,
        code: "untrusted_owner",
        remedy:
          "Run it as the role that owns the tables. If you trust whoever can act as that role with all of your own rights: --trust-owner",
      }
      : {
        state,
        code: "rehearsal_failed",
        remedy: `Let the role create a database for it, as a superuser: ALTER ROLE ${role!.name} CREATEDB`,
      };
  });
}

/** Reads definitions with every name qualified. */
function inSnapshotOf<T>(admin: Session, work: () => Promise<T>): Promise<T> {
  return inTransaction(admin, { mode: "snapshot" }, work);
}

async function mayCreateDatabases(admin: Session): Promise<boolean> {
  const [role] = await query<{ may: boolean }>(
    admin,
    "SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user",
  );
  return role?.may === true;
}

/** Drops scratch databases whose makers are gone, and that nobody is connected to. */
async function dropLeftovers(admin: Session): Promise<void> {
  const leftovers = await aside(admin, () => query<{ name: string }>(admin, leftoversQuery(scratchPrefix)));
  for (const { name } of leftovers) await drop(admin, name, false);
}

/**
 * Drops a database, and says whether that was done. FORCE ends sessions of ours that linger, and is refused where an autovacuum worker is at work, which only a
 * plain DROP sends away (it waits up to five seconds for that).
 */
async function drop(admin: Session, name: string, isForced: boolean): Promise<boolean> {
  for (const way of [...isForced && admin.serverVersion >= 130_000 ? [" WITH (FORCE)"] : [], "", ""]) {
    try {
      await admin.run([{ text: `DROP DATABASE IF EXISTS ${quoteName(name)}${way}`, parameters: [] }]);
      return true;
    } catch {
      if (admin.hasEnded()) return false;
    }
  }
  return false;
}

interface DatabaseRow {
  readonly began: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: string | null;
  readonly locale: string | null;
  readonly rules: string | null;
}

/** The names of the locale's columns differ between versions. */
async function describeScratch(admin: Session): Promise<{ readonly name: string; readonly create: string }> {
  const [row] = await query<DatabaseRow>(
    admin,
    `SELECT (${ownMarkQuery}) AS began,
      pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
      to_jsonb(d)->>'datlocprovider' AS provider, to_jsonb(d)->>'daticurules' AS rules,
      coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale
    FROM pg_database d WHERE datname = current_database()`,
  );
  const { began, encoding, collate, ctype, provider, locale, rules } = row!;
  const name = `${scratchPrefix}${began}_${randomBytes(6).toString("hex")}`;
  const locales = [
    `ENCODING ${quoteText(encoding)} LC_COLLATE ${quoteText(collate)} LC_CTYPE ${quoteText(ctype)}`,
    ...provider === "i" && locale !== null ? [`LOCALE_PROVIDER icu ICU_LOCALE ${quoteText(locale)}`] : [],
    ...provider === "i" && rules !== null ? [`ICU_RULES ${quoteText(rules)}`] : [],
    ...provider === "b" && locale !== null
      ? [`LOCALE_PROVIDER builtin BUILTIN_LOCALE ${quoteText(locale)}`]
      : [],
    ...provider === "c" ? ["LOCALE_PROVIDER libc"] : [],
  ];
  return { name, create: `CREATE DATABASE ${quoteName(name)} TEMPLATE template0 ${locales.join(" ")}` };
}

/** Returns the statements that make the database's extensions, each after those that it needs. */
async function listExtensions(admin: Session): Promise<readonly Makeable[]> {
  const rows = await query<{ name: string; schema: string }>(
    admin,
    `SELECT extname AS name, nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE extname <> 'plpgsql' ORDER BY e.oid`,
  );
  return rows.map(({ name, schema }) => ({
    name,
    text: `${schema.startsWith("pg_") ? "" : `CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)};`}
      CREATE EXTENSION IF NOT EXISTS ${quoteName(name)} SCHEMA ${quoteName(schema)}`,
  }));
}
