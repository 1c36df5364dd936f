import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { HarborError } from "../../../base/errors.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { runUnless } from "./rights.ts";
import { query } from "./session.ts";
import { schemaList, type Schemas } from "./tables.ts";
import { eventTriggerDefinition, isNotOfExtension } from "../catalogs/words.ts";
import type { Session } from "../session/session.ts";

/** An object of the database, as pg_identify_object tells of it. */
export interface Inventoried {
  /** `class/object/part`. */
  readonly key: string;
  /** `table`, `view`, `table constraint` … */
  readonly type: string;
  /** `fk on public.files`, `public.total(integer)`. */
  readonly identity: string;
  /** Whether the object, or the table that it is part of, belongs to the schema or, unseen, to one of its tables. */
  readonly inside: boolean;
}

/** What {@link dropContent} drops. */
export interface Dropping {
  readonly schemas: readonly string[];
  /** `all`: whatever is in the schema. `tables`: tables and sequences. Never what an extension brought. */
  readonly what: "all" | "tables";
}

/**
 * Takes down the event triggers that call functions of schemas whose content is replaced: they would be called for each statement of that,
 * when what they need is gone. So that is done of those that this user may make again.
 *
 * @returns What makes them again once the other content is there, and says, as sentences, which have no function there
 */
export async function takeDownEventTriggers(
  session: Session,
  schemas: readonly string[],
): Promise<() => Promise<readonly string[]>> {
  const found = await query<{ name: string; calls: string; down: string; up: string }>(
    session,
    `SELECT v.evtname::text AS name, format('%I.%I()', n.nspname, p.proname) AS calls,
      format('DROP EVENT TRIGGER %I', v.evtname) AS down, ${eventTriggerDefinition} AS up
    FROM pg_event_trigger v JOIN pg_proc p ON p.oid = v.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE quote_ident(n.nspname) IN (${quotedNames(schemas)}) AND pg_has_role(v.evtowner, 'USAGE')
      AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND ${
      isNotOfExtension("pg_event_trigger", "v.oid")
    }
    ORDER BY v.oid`,
  );
  for (const { down } of found) await session.script(down);
  return async () => {
    const lost: string[] = [];
    for (const { name, calls, up } of found) {
      const [row] = await query<{ fits: boolean }>(
        session,
        `SELECT prorettype = 'event_trigger'::regtype AS fits FROM pg_proc WHERE oid = to_regprocedure(${
          quoteText(calls)
        })`,
      );
      if (row?.fits) await session.script(up);
      else {
        lost.push(
          `the event trigger ${name} is gone: ${
            row === undefined
              ? `the copy does not have its function ${calls}`
              : `its function ${calls} is none of an event trigger in the copy`
          }`,
        );
      }
    }
    return lost;
  };
}

/**
 * Drops the content of schemas, inside the transaction that puts other content in its place.
 *
 * @returns All that went, parts of tables and views on them included
 * @throws {HarborError} `backup_failed` when something outside the schema depends on what is to go: it would go too
 */
export async function dropContent(
  session: Session,
  { schemas, what }: Dropping,
): Promise<readonly Inventoried[]> {
  const inventory = inventoryOf("pg_depend", schemas);
  const before = await query<Inventoried>(session, inventory);
  const drops = await query<{ text: string }>(session, dropStatements(schemas, what));
  for (const { text } of drops) await session.script(text);
  const left = new Set((await query<{ key: string }>(session, keys)).map(({ key }) => key));
  const gone = before.filter(({ key }) => !left.has(key));
  refuseLosses(gone.filter(({ inside }) => !inside));
  return gone;
}

/**
 * Makes sure that a copy's content lands where the address works, in the default schema that it comes from, and takes the
 * place of nothing that is not the history's. Schemas that are not there yet are made.
 *
 * @throws {HarborError} `bad_config`, `schema_mismatch`
 */
export async function prepareSchemas(
  session: Session,
  url: PostgresUrl,
  schemas: Schemas,
): Promise<void> {
  const [schema] = schemas;
  if (session.schema !== null && session.schema !== schema) {
    throw new HarborError(
      "bad_config",
      `Cannot restore "${url.display}": the copy is one of schema "${schema}", and the address works in ` +
        `schema "${session.schema}"`,
      { hint: `Add the schema to the database URL: ?options=-csearch_path%3D${encodeURIComponent(schema)}` },
    );
  }
  for (const each of schemas) {
    if (each !== schema && !session.named.includes(each)) await refuseUnlessBare(session, url, each);
    await ensureSchema(session, each);
  }
}

/** Refuses to put a copy in the place of what is in a schema that the history does not name: no backup holds that. */
async function refuseUnlessBare(session: Session, url: PostgresUrl, schema: string): Promise<void> {
  if ((await query(session, dropStatements([schema], "all"))).length === 0) return;
  throw new HarborError(
    "schema_mismatch",
    `Cannot restore "${url.display}": the copy holds schema "${schema}" too, which is not replaced here: ` +
      "it is the host's, or of no revision in the history, and no backup holds what is in it",
    {
      hint: [
        "Restore it into an empty database, and take from there what is needed: --to <url>",
        `Or with the history that the copy is of, where that makes "${schema}": --dir. The database is as it was.`,
      ],
      details: { schema },
    },
  );
}

/** Makes a schema where it is missing. */
export async function ensureSchema(session: Session, schema: string): Promise<void> {
  const [row] = await query<{ exists: boolean }>(
    session,
    `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = ${quoteText(schema)}) AS exists`,
  );
  if (!row?.exists) await session.script(`CREATE SCHEMA ${quoteName(schema)}`);
}

/** Drops what the history names and the copy does not hold, now that it is empty, unless there is something else or it is somebody else's. */
export async function dropSchemas(session: Session, names: readonly string[]): Promise<void> {
  for (const name of names) {
    // dependent_objects_still_exist, insufficient_privilege
    await runUnless(session, [`DROP SCHEMA ${quoteName(name)}`], ["2BP01", "42501"]);
  }
}

/** @throws {HarborError} `backup_failed` naming what would be lost; nothing when that is nothing */
export function refuseLosses(losses: readonly Inventoried[]): void {
  const named = losses.filter((object) => !isImplied(object));
  const [first, ...others] = (named.length > 0 ? named : losses).map(({ type, identity }) =>
    `${type} ${identity}`
  );
  if (first === undefined) return;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  throw new HarborError(
    "backup_failed",
    `Cannot replace the tables with "the copy": ${first} depends on them and is not in the copy${more}`,
    {
      hint: "Keep its definition, drop it, restore, and make it again. The database is as it was.",
      details: { dependents: [first, ...others] },
    },
  );
}

/** Whether it is there because of another object: the type and the rule of a view, the triggers of a constraint. */
export function isImplied({ type, identity }: Inventoried): boolean {
  return ["type", "view column", "materialized view column"].includes(type) ||
    (type === "rule" && identity.startsWith('"_RETURN"')) ||
    (type === "trigger" && /^"\w+_ConstraintTrigger_/.test(identity));
}

const objectKey = "concat_ws('/', classid, objid, objsubid) AS key";

/** Before PostgreSQL 14 a row of class 0 stands for a system object. */
const keys = `SELECT DISTINCT ${objectKey} FROM pg_depend WHERE classid <> 0`;

/**
 * Returns the query for objects, as {@link Inventoried} has them.
 *
 * @param depends What has the columns and the rows of pg_depend, or some of its rows
 */
export function inventoryOf(depends: string, schemas: readonly string[]): string {
  // A table's place in a publication is the publication's, and would not come back by itself.
  return `SELECT ${objectKey}, i.type, i.identity, (i.type <> 'publication relation' AND coalesce(i.schema,
    quote_ident(CASE WHEN i.type LIKE '% of access method' THEN a.object_names[2] ELSE a.object_names[1] END))
    IN (${quotedNames(schemas)}, 'pg_toast')) OR ${isOfReference(schemas)} AS inside
  FROM (SELECT DISTINCT classid, objid, objsubid FROM ${depends} WHERE classid <> 0) AS d,
    LATERAL pg_identify_object(classid, objid, objsubid) AS i,
    LATERAL pg_identify_object_as_address(classid, objid, objsubid) AS a`;
}

/** Whether `d` is a trigger by which the server holds a reference of the schemas, also one on the table elsewhere to which it leads. */
function isOfReference(schemas: readonly string[]): string {
  return `(classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.oid = objid AND t.tgisinternal AND quote_ident(n.nspname) IN (${quotedNames(schemas)})))`;
}

/** Returns schemas as pg_identify_object writes them, as a list in SQL. */
export function quotedNames(schemas: readonly string[]): string {
  return schemas.map((each) => `quote_ident(${quoteText(each)})`).join(", ");
}

/** Every object of a schema depends on it; tables go first, because sequences may be part of them. */
function dropStatements(schemas: readonly string[], what: Dropping["what"]): string {
  const kinds = what === "all" ? "i.type <> 'extension'" : "i.type IN ('table', 'sequence')";
  return `SELECT format('DROP %s IF EXISTS %s CASCADE',
      CASE i.type WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(i.type) END, i.identity) AS text
    FROM pg_depend d JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid,
      LATERAL pg_identify_object(d.classid, d.objid, 0) AS i
    WHERE n.nspname IN (${schemaList(schemas)}) AND d.deptype = 'n' AND ${kinds}
      AND ${isNotOfExtension("d.classid", "d.objid")}
    ORDER BY i.type <> 'table', i.type, d.objid`;
}
