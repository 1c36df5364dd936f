import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { never, postgresEngines, run, withCopy } from "../../support/postgres_engines.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";

/** Every right on what a schema holds, with who gave it; those that the server gives by itself are written out. */
const rights =
  `SELECT concat_ws(' ', kind, name, coalesce(g.rolname, 'PUBLIC'), string_agg(privilege_type, ' '
    ORDER BY privilege_type), 'of', r.rolname, CASE WHEN is_grantable THEN 'to pass on' END) AS line
  FROM (SELECT 'relation' AS kind, relname AS name,
      coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S')
    UNION ALL SELECT 'column', attname, attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'routine', proname, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type', typname, coalesce(typacl, acldefault('T', typowner)) FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
    UNION ALL SELECT 'schema', nspname, nspacl FROM pg_namespace WHERE nspname = 'public'
    UNION ALL SELECT 'default', concat(defaclobjtype, defaclrole, defaclnamespace), defaclacl FROM pg_default_acl
  ) AS things, aclexplode(acl) LEFT JOIN pg_roles g ON g.oid = grantee LEFT JOIN pg_roles r ON r.oid = grantor
  GROUP BY kind, name, g.rolname, r.rolname, is_grantable ORDER BY 1`;

const things = (owner: string, reader: string, argument: string) =>
  `CREATE TABLE plain (id serial PRIMARY KEY, x text); CREATE TABLE lent (x int, y int); CREATE TABLE less (x int);
  CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN shut AS int; REVOKE ALL ON TYPE shut FROM PUBLIC;
  CREATE SEQUENCE counted; CREATE VIEW seen AS SELECT * FROM plain; CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain;
  CREATE VIEW apart AS SELECT 1 AS one; GRANT SELECT ON apart, lent TO ${reader} WITH GRANT OPTION;
  CREATE FUNCTION anybodys(${argument}) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION closed(${argument}) RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION closed FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION closed TO ${reader} WITH GRANT OPTION; GRANT UPDATE (y) ON lent TO ${reader};
  GRANT USAGE ON SEQUENCE counted TO ${reader} WITH GRANT OPTION; REVOKE UPDATE ON SEQUENCE counted FROM ${owner};
  REVOKE INSERT ON less FROM ${owner}; GRANT SELECT ON seen TO PUBLIC`;

/** Gives a stranger all, and takes some of what everybody and the owner have by themselves. */
const defaults = (reader: string, ...owners: readonly string[]) =>
  owners.flatMap((owner) => [
    ...[`FOR ROLE ${owner}`, `FOR ROLE ${owner} IN SCHEMA public`].flatMap((where) =>
      ["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"].map((what) =>
        `ALTER DEFAULT PRIVILEGES ${where} GRANT ALL ON ${what} TO ${reader} WITH GRANT OPTION`
      )
    ),
    ...["DELETE ON TABLES", "USAGE ON SEQUENCES", "ALL ON FUNCTIONS", "ALL ON TYPES"].map((right, place) =>
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE ${right} FROM ${place < 2 ? owner : "PUBLIC"}`
    ),
  ]).join("; ");

for (const { name, version, open } of postgresEngines) {
  for (const as of ["the owner", "a superuser"] as const) {
    test(`${name}: rights are as they were, whatever default privileges say to ${as}`, () =>
      withOwnedPostgres(version, "", async ({ url, adminUrl, role }) => {
        const isOwner = as === "the owner";
        const [reader, third] = ["reader", "third"].map((word) =>
          `${word}_${randomBytes(4).toString("hex")}`
        );
        try {
          await run(
            adminUrl,
            `CREATE ROLE ${reader}; CREATE ROLE ${third}; GRANT USAGE ON SCHEMA public TO ${third} WITH GRANT OPTION;
            GRANT CREATE ON SCHEMA public TO ${third}; SET ROLE ${role};
            ${
              things(role, reader!, isOwner || name.startsWith("pg_dump") ? "plain" : "")
            }; SET ROLE ${reader};
            GRANT SELECT ON lent TO ${third}; GRANT SELECT ON apart TO ${third}; SET ROLE ${third};
            ${
              isOwner
                ? ""
                : `CREATE TABLE theirs (x int); GRANT SELECT ON theirs TO ${role}, ${reader}`
            }; RESET ROLE;
            ${defaults(reader!, role, third!, "postgres")}`,
          );
          const look = async () => (await run(adminUrl, rights)).map(({ line }) => String(line));
          const before = await look();
          const engine = await (isOwner ? open(url) : open(adminUrl, "trust"));
          await withCopy(engine, async ({ path }) => {
            // Twice, since what the first one gives must not stand in the way of the next.
            for (let times = 0; times < 2; times++) {
              if (engine.name === "pg_dump") {
                await run(adminUrl, `GRANT ALL ON plain TO ${third}; REVOKE SELECT ON seen FROM PUBLIC`);
              }
              await engine.restore(path, never);
              const now = await look();
              const changed = [
                ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
                ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
              ];
              // Who may not act as another cannot give in that one's name.
              const inTheirName = (relation: string) => [
                `- relation ${relation} ${third} SELECT of ${reader}`,
                `+ relation ${relation} ${third} SELECT of ${role}`,
              ];
              const own = [...engine.name === "pg_dump" ? inTheirName("apart") : [], ...inTheirName("lent")];
              assert.deepEqual(
                changed,
                isOwner ? own.toSorted((a, b) => a[0] === b[0] ? 0 : a[0] === "-" ? -1 : 1) : [],
              );
            }
          });
        } finally {
          await run(
            adminUrl,
            `DROP OWNED BY ${reader}, ${third}, ${role} CASCADE; DROP ROLE ${reader}, ${third}`,
          );
        }
      }));
  }
}
