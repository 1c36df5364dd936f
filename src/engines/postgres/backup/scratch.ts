import { randomBytes } from "node:crypto";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { aside, type BackupTask, query, withBackupSession } from "./session.ts";
import type { Session } from "../session.ts";
import { sqlStateOf } from "../errors.ts";
import { loadsUntrusted } from "../trust.ts";

/** `harbor_scratch_<server process>_<second in which that began>_<random>`, by which a leftover is known. */
const prefix = "harbor_scratch_";

/**
 * Runs `work` in a scratch database on the same server, with the database's encoding, locale and extensions, and
 * drops it afterwards, however `work` ends. First drops what was left behind by processes that are gone.
 *
 * @returns `null` when there can be none: the role may not make databases, or not connect to a new one; or what the
 * database uses (an extension, another schema's types) is not to be had in another one, or does not fit on the
 * server's disk; or code of a role with fewer rights would run with ours
 */
export async function withScratch<T>(
  task: BackupTask,
  work: (scratch: Session) => Promise<T>,
): Promise<T | null> {
  // It has to outlive a request to stop, because it drops the database.
  const lasting = { ...task, signal: new AbortController().signal };
  return await withBackupSession(lasting, async (admin) => {
    if (!(await aside(admin, () => mayCreateDatabases(admin)))) return null;
    // There all would be ours, and run with our rights.
    if (await loadsUntrusted(admin, task.url, { isRefused: false })) return null;
    await dropLeftovers(admin);
    const { name, create } = await aside(admin, () => describeScratch(admin));
    try {
      await admin.run([{ text: create, parameters: [] }]);
    } catch (error) {
      if (admin.hasEnded()) throw error;
      return null;
    }
    let isOpen = false;
    try {
      const extensions = await aside(admin, () => listExtensions(admin));
      const place = { ...task, url: { ...task.url, database: name } };
      return await withBackupSession(place, async (scratch) => {
        isOpen = true;
        try {
          for (const text of extensions) await scratch.script(text).catch(() => {});
          return await work(scratch);
        } catch (error) {
          if (isForeignToScratch(error)) return null;
          throw error;
        }
      });
    } catch (error) {
      // A server or a pooler may admit to known databases only.
      if (isOpen || task.signal.aborted || admin.hasEnded()) throw error;
      return null;
    } finally {
      await drop(admin, name);
    }
  });
}

/** Whether an error says that a definition needs something that a database of its own does not have. */
function isForeignToScratch(error: unknown): boolean {
  return [
    "42704", // undefined_object: a type, a role, an operator class
    "42883", // undefined_function
    "42P01", // undefined_table: of another schema
    "3F000", // invalid_schema_name
    "42501", // insufficient_privilege
    "53100", // disk_full
  ].includes(sqlStateOf(error) ?? "");
}

async function mayCreateDatabases(admin: Session): Promise<boolean> {
  const [role] = await query<{ may: boolean }>(
    admin,
    "SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user",
  );
  return role?.may === true;
}

/** Drops scratch databases whose maker's session has ended: its process was killed, or the connection lost. */
async function dropLeftovers(admin: Session): Promise<void> {
  const leftovers = await aside(admin, () =>
    query<{ name: string }>(
      admin,
      `SELECT datname AS name FROM pg_database d
    WHERE datname ~ '^${prefix}[0-9]+_[0-9]+_[0-9a-f]+$' AND pg_has_role(datdba, 'MEMBER')
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid::text = split_part(d.datname, '_', 3)
        AND floor(extract(epoch FROM a.backend_start))::text = split_part(d.datname, '_', 4))`,
    ));
  for (const { name } of leftovers) await drop(admin, name);
}

/** A database that cannot be dropped now is a leftover for the next time. */
async function drop(admin: Session, name: string): Promise<void> {
  const force = admin.serverVersion >= 130_000 ? " WITH (FORCE)" : "";
  await admin.run([{ text: `DROP DATABASE IF EXISTS ${quoteName(name)}${force}`, parameters: [] }])
    .catch(() => {});
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
    `SELECT (SELECT concat(pid, '_', floor(extract(epoch FROM backend_start))) FROM pg_stat_activity
        WHERE pid = pg_backend_pid()) AS began,
      pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
      to_jsonb(d)->>'datlocprovider' AS provider, to_jsonb(d)->>'daticurules' AS rules,
      coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale
    FROM pg_database d WHERE datname = current_database()`,
  );
  const { began, encoding, collate, ctype, provider, locale, rules } = row!;
  const name = `${prefix}${began}_${randomBytes(6).toString("hex")}`;
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
async function listExtensions(admin: Session): Promise<readonly string[]> {
  const rows = await query<{ name: string; schema: string }>(
    admin,
    `SELECT extname AS name, nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE extname <> 'plpgsql' ORDER BY e.oid`,
  );
  return rows.flatMap(({ name, schema }) => [
    ...schema.startsWith("pg_") ? [] : [`CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)}`],
    `CREATE EXTENSION IF NOT EXISTS ${quoteName(name)} SCHEMA ${quoteName(schema)}`,
  ]);
}
