import { isRecord } from "../base/json_schema.ts";
import { filterValues, mapValues } from "../base/records.ts";
import { isDefaultSchema } from "../sql/table_names.ts";

/** What a snapshot of drizzle-kit says of schemas that are the host's, in its own form. */
type HostPart = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A snapshot in which that may stand aside. */
export interface WithHostPart {
  /** What it says of the host's schemas, which stands in none of its sections. */
  readonly ofHost?: HostPart;
}

/** Where in a snapshot things of schemas are, and the schemas themselves, of which their names are all that is said. */
const sections = ["tables", "enums", "views", "sequences", "schemas"];

/** Returns a snapshot in which what is in the host's schemas stands aside: no revision makes, changes or drops it. */
export function withoutHostPart<Kit extends WithHostPart>(
  whole: Kit,
  isHost: (schema: string) => boolean,
): Kit {
  const isOfHost = (thing: unknown) => {
    const schema = schemaOf(thing);
    return !isDefaultSchema(schema) && isHost(schema as string);
  };
  const ofHost = partOf(whole, isOfHost);
  if (Object.values(ofHost).every((section) => Object.keys(section).length === 0)) return whole;
  return { ...whole, ...partOf(whole, (thing) => !isOfHost(thing)), ofHost };
}

/** Returns the schemas of what stands aside. */
export function schemasOfHost({ ofHost = {} }: WithHostPart): ReadonlySet<string> {
  return new Set(
    Object.values(ofHost).flatMap((section) => Object.values(section).map(schemaOf) as string[]),
  );
}

/** Returns how the tables are called that stand aside: `auth.users`. */
export function tablesOfHost({ ofHost = {} }: WithHostPart): readonly string[] {
  return Object.keys(ofHost["tables"] ?? {});
}

/** Returns a snapshot as it is written: drizzle-kit would make anew what is not there. */
export function withHostPart(snapshot: WithHostPart): object {
  const { ofHost = {}, ...own } = snapshot as WithHostPart & Readonly<Record<string, unknown>>;
  const whole = mapValues(ofHost, (part, name) => ({ ...isRecord(own[name]) ? own[name] : {}, ...part }));
  return { ...own, ...whole };
}

function schemaOf(thing: unknown): unknown {
  return isRecord(thing) ? thing["schema"] : thing;
}

function partOf(snapshot: object, isIn: (thing: unknown) => boolean): HostPart {
  const whole = snapshot as Readonly<Record<string, unknown>>;
  return Object.fromEntries(sections.flatMap((name) => {
    const section = whole[name];
    return isRecord(section) ? [[name, filterValues(section, isIn)]] : [];
  }));
}
