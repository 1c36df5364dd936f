import type postgres from "postgres";

/**
 * Empties a database of all that its owner made in it, since that is much quicker than to make another one.
 *
 * @param sql The owner or the superuser, in that database
 * @returns Whether it is as new; one in which somebody else made something, or that was set up, is not
 */
export async function emptyDatabase(sql: postgres.Sql, owner: string): Promise<boolean> {
  await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`;
  await sql.unsafe(`drop owned by ${owner}`);
  const [left] = await sql.unsafe(await leftovers(sql));
  return left?.["is_new"] === true;
}

/**
 * Asks of every catalog whether there is something in it that no new database has. The owner may not read pg_user_mapping,
 * where nothing is without something in pg_foreign_server.
 */
async function leftovers(sql: postgres.Sql): Promise<string> {
  const catalogs = await sql`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'oid'
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' and not c.relisshared
      and has_column_privilege(c.oid, a.attnum, 'SELECT')`;
  const isEmpty = (name: string) => `not exists (select from pg_catalog.${name} where oid >= 16384)`;
  return `select ${catalogs.map((each) => isEmpty(each["name"])).join(" and ")}
    and not exists (select from pg_shdepend where dbid = d.oid)
    and not exists (select from pg_db_role_setting where setdatabase = d.oid)
    and not exists (select from pg_subscription where subdbid = d.oid)
    and not exists (select from pg_prepared_xacts where database = d.datname)
    and not exists (select from pg_replication_slots where database = d.datname)
    and (select nspacl::text = '{pg_database_owner=UC/pg_database_owner,=U/pg_database_owner}'
      and pg_get_userbyid(nspowner) = 'pg_database_owner' and obj_description(oid) = 'standard public schema'
      from pg_namespace where nspname = 'public')
    and datacl is null and datconnlimit = -1 and datallowconn and not datistemplate
    and shobj_description(oid, 'pg_database') is null as is_new
    from pg_database d where datname = current_database()`;
}
