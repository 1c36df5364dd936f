import { inPlace, ownSchemas, type Place } from "./place.ts";
import { firstOwn } from "./words.ts";

/** What {@link occupation} finds. */
export interface Occupation {
  /** Whether there is anything in the schemas. */
  readonly used: boolean;
  /** Whether there may be anything but tables: what depends on one of them may be in any schema. */
  readonly others: boolean;
}

/**
 * Returns the query for the {@link Occupation} of those schemas: all of `introspection` takes its time also where there is nothing, since
 * the server plans it first, and most of that is for what is no table. What is in a schema depends on it.
 */
export function occupation(place: Place): string {
  const text =
    "SELECT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = " +
    `${ownSchemas}) AS used, ${anyOthers} AS others`;
  return inPlace(text, place);
}

// None of the server's own views looks at a table of ours.
const anyOthers = `EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = ${ownSchemas}
    AND (c.relkind IN ('v', 'm', 'f', 'c') OR c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend o
      WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass
        AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i'))))
  OR EXISTS (SELECT FROM pg_class WHERE relkind IN ('v', 'm') AND oid >= ${firstOwn})
  OR EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal)
  OR EXISTS (SELECT FROM pg_policy)
  OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = ${ownSchemas})
  OR EXISTS (SELECT FROM pg_type WHERE typnamespace = ${ownSchemas} AND typtype IN ('e', 'd', 'r'))`;
